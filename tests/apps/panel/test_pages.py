"""The dashboard tells the truth, whatever lies in the data directory, and shows what its reader may see."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from node.core.peers import PeerEntry
from tests.support.panel import fingerprint


@pytest.fixture
def ready_file() -> Iterator[Callable[[str], None]]:
    path = settings.PATHS.ready_file

    def write(text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    yield write
    path.unlink(missing_ok=True)


def test_an_empty_appliance_says_what_to_do_next(panel: Client) -> None:
    page = panel.get("/").content.decode()

    assert "Add the first peer" in page
    assert "/peers/peer/add/" in page


def test_it_counts(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    for number in range(3):
        add_peer(f"p{number}", enabled=number > 0)
    response = panel.get("/")

    counts = response.context["counts"]
    assert (counts.peers_enabled, counts.peers_disabled, counts.api_keys, counts.peers) == (2, 1, 0, 3)
    assert "Add the first peer" not in response.content.decode()
    assert [entry.object_id for entry in response.context["changes"]] == ["p2", "p1", "p0"]


def test_it_names_the_node_that_the_supervisor_told_of(panel: Client, ready_file: Callable[[str], None]) -> None:
    ready_file(json.dumps({"node_address": "192.0.2.7:4433", "node_fingerprint": fingerprint("node")}))
    page = panel.get("/").content.decode()

    assert "192.0.2.7:4433" in page
    assert fingerprint("node") in page


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", '{"node_address": 7, "node_fingerprint": []}', "[" * 9999])
def test_a_damaged_ready_file_is_no_node(panel: Client, ready_file: Callable[[str], None], text: str) -> None:
    ready_file(text)
    response = panel.get("/")

    assert response.status_code == 200
    assert response.context["node"] is None


def test_who_may_see_nothing_sees_nothing(client: Client, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("secret-name")
    client.force_login(User.objects.create_user("guest", is_staff=True))
    page = client.get("/").content.decode()

    assert "secret-name" not in page
    assert "peers enabled" not in page
    assert "/audit/auditentry/" not in page


def test_who_may_view_peers_sees_them_and_no_changes(client: Client, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("secret-name")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_peer"))
    client.force_login(viewer)
    page = client.get("/").content.decode()

    assert "peers enabled" in page
    assert "secret-name" not in page
    assert "Add the first peer" not in page


PAGES = [
    "/peers/peer/",
    "/peers/apikey/",
    "/credentials/credential/",
    "/audit/auditentry/",
    "/auth/user/",
    "/auth/group/",
    "/password_change/",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_side_bar_is_there(panel: Client, path: str) -> None:
    assert panel.get(path).status_code == 200


def user_form(user: User, **fields: Any) -> dict[str, Any]:
    return {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        **fields,
    }


def test_changes_of_users_are_audited_without_any_password(panel: Client) -> None:
    from apps.audit.models import AuditEntry

    secret = "correct horse battery"
    passwords = {"password1": secret, "password2": secret, "usable_password": "true"}
    panel.post("/auth/user/add/", {"username": "bob", **passwords})
    bob = User.objects.get(username="bob")
    panel.post(f"/auth/user/{bob.pk}/change/", user_form(bob, first_name="Bob"))
    panel.post(
        f"/auth/user/{bob.pk}/password/", {"password1": secret * 2, "password2": secret * 2, "usable_password": "true"}
    )
    panel.post(f"/auth/user/{bob.pk}/delete/", {"post": "yes"})
    panel.post("/auth/group/add/", {"name": "staff"})

    found = list(AuditEntry.objects.order_by("id").values_list("actor_name", "action", "object_id"))
    assert found == [
        ("admin", "user.added", "bob"),
        ("admin", "user.changed", "bob"),
        ("admin", "user.changed", "bob"),
        ("admin", "user.removed", "bob"),
        ("admin", "group.added", found[-1][2]),
    ]
    assert secret not in str(list(AuditEntry.objects.values()))
    reset = AuditEntry.objects.order_by("id")[2]
    assert reset.after == {"password": "set"}


def test_the_audit_rows_of_a_user_hold_what_was_and_what_is(panel: Client) -> None:
    from apps.audit.models import AuditEntry

    group = Group.objects.create(name="keepers")
    bob = User.objects.create_user("bob", password="correct horse battery")
    url = f"/auth/user/{bob.pk}/change/"
    panel.post(url, user_form(bob, groups=[group.pk]))
    panel.post(url, user_form(bob, groups=[group.pk]))
    panel.post(f"/auth/user/{bob.pk}/delete/", {"post": "yes"})

    changed, removed = AuditEntry.objects.order_by("id")
    assert (changed.before["is_superuser"], changed.after["is_superuser"]) == (False, True)
    assert (changed.before["groups"], changed.after["groups"]) == ([], ["keepers"])
    assert "first_name" not in changed.after
    assert removed.before["is_superuser"] is True
    assert bob.password not in str(list(AuditEntry.objects.values()))


def test_changing_ones_own_password_is_audited(panel: Client) -> None:
    from tests.support.panel import audit

    passwords = {"old_password": "password", "new_password1": "a new horse battery", "new_password2": "another"}
    assert panel.post("/password_change/", passwords).status_code == 200
    assert audit() == []
    assert panel.post("/password_change/", passwords | {"new_password2": "a new horse battery"}).status_code == 302
    assert audit() == [("admin", "user.changed", "admin")]


def test_users_removed_from_the_list_are_audited(panel: Client) -> None:
    from tests.support.panel import audit

    names = [User.objects.create_user(name).pk for name in ("bob", "carol")]
    panel.post("/auth/user/", {"action": "delete_selected", "_selected_action": names, "post": "yes"})

    assert sorted(audit()) == [("admin", "user.removed", "bob"), ("admin", "user.removed", "carol")]
