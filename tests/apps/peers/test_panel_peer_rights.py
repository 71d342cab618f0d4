"""Who may see and write peers in the panel, and what nobody sees."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.accounts.rights import Role
from node.core.peers import PeerEntry
from tests.support.accounts import desk_of
from tests.support.panel import audit, fingerprint, rows, token_hash
from tests.support.peer_pages import ADD, LIST, change, form

AddPeer = Callable[..., PeerEntry]


def test_who_may_only_view_cannot_write(add_peer: AddPeer) -> None:
    add_peer("laptop")
    client = desk_of(Role.VIEWER)
    before, entries = rows(), audit()

    assert client.get(change("laptop")).status_code == 200
    assert client.post(ADD, form()).status_code == 403
    assert client.post(change("laptop"), form(scopes="x")).status_code == 403
    assert client.post(reverse("admin:peers_peer_delete", args=["laptop"]), {"post": "yes"}).status_code == 403
    for name in ("issue_token", "clear_token"):
        assert client.post(reverse(f"admin:peers_peer_{name}", args=["laptop"])).status_code == 403
    client.post(LIST, {"action": "disable_peers", "_selected_action": ["laptop"]})
    assert rows() == before
    assert audit() == entries


def test_who_may_only_view_sees_no_hash(add_peer: AddPeer) -> None:
    add_peer("laptop", auth_token_hash=token_hash("t"))
    client = desk_of(Role.VIEWER)
    page = client.get(change("laptop")).content.decode()

    assert fingerprint("laptop") in page
    assert token_hash("t") not in page


@pytest.mark.parametrize("lookup", ["auth_token_hash", "auth_token_hash__startswith", "auth_token_hash__gt"])
def test_no_filter_spells_a_hash_out(panel: Client, add_peer: AddPeer, lookup: str) -> None:
    add_peer("laptop", auth_token_hash=token_hash("t"))

    assert panel.get(LIST, {lookup: token_hash("t")}).status_code == 400
    assert panel.get("/peers/apikey/", {lookup.removeprefix("auth_token_"): "sha256:"}).status_code == 400


@pytest.mark.parametrize("url", ["/", LIST, ADD, "/audit/auditentry/", "/auth/user/"])
def test_a_stranger_is_sent_to_sign_in(client: Client, db: None, url: str) -> None:
    response = client.get(url)

    assert response.status_code == 302
    assert response["Location"].startswith("/login/")


def test_a_form_without_its_csrf_token_is_refused(add_peer: AddPeer, admin_user: User) -> None:
    add_peer("laptop")
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)

    assert client.post(change("laptop"), form()).status_code == 403
