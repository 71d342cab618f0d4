"""Every way of writing a peer in the panel: one audit row by the signed-in user, or a field error and nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEntry
from apps.peers import services
from apps.peers.digests import state_digest
from apps.peers.models import Peer
from apps.peers.selectors import get_state
from apps.peers.terms import PeerTerms
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, audit, fingerprint, pem, rows, ssh_line, token_hash
from tests.support.peer_pages import ADD, LIST, agree, change, edited, field_errors, form

AddPeer = Callable[..., PeerEntry]


def test_adding(panel: Client) -> None:
    keys = f"{ssh_line(1)} alice@home\n\n# the other one\n{pem(2)}"
    sent = form(keys=keys, scopes="a, b\nc", resources='{"repo": ["web"]}', display_name="Alice")
    response = panel.post(ADD, sent)

    assert response.status_code == 302
    row = Peer.objects.get(pk="laptop")
    assert row.fingerprints == [fingerprint(1), fingerprint(2)]
    assert (row.scopes, row.resources) == (["a", "b", "c"], {"repo": ["web"]})
    assert (row.display_name, row.enabled) == ("Alice", True)
    assert audit() == [("admin", "peer.added", "laptop")]


def test_changing(panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    add_peer("laptop", auth_token_hash=token_hash("t"))
    forget_audit()
    agree(panel, change("laptop"), edited("laptop", keys=ssh_line(9), scopes="x", enabled=None))

    row = Peer.objects.get(pk="laptop")
    assert (row.fingerprints, row.scopes, row.enabled) == ([fingerprint(9)], ["x"], False)
    assert row.auth_token_hash == token_hash("t"), "an empty field leaves the token as it is"
    assert audit() == [("admin", "peer.changed", "laptop")]


def test_saving_without_a_change_leaves_no_trace(
    panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]
) -> None:
    add_peer("laptop", scopes=["a"], resources={"repo": ["web"]}, display_name="Alice")
    forget_audit()
    shown = panel.get(change("laptop")).context["adminform"].form
    sent = {name: shown[name].value() for name in shown.fields if shown[name].value() is not None}
    panel.post(change("laptop"), sent | {"enabled": "on"})

    assert audit() == []


def test_a_stale_form_is_refused_and_brings_nothing_back(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    stale = panel.get(change("laptop")).context["adminform"].form["seen"].value()
    services.update_peer(actor=ALICE, peer_id="laptop", changes={"keys": [], "enabled": False})
    before, entries = rows(), audit()

    for seen in (stale, "", "é", None):
        sent = form(keys=fingerprint("laptop"), display_name="Alice", seen=seen)
        errors = field_errors(panel.post(change("laptop"), sent))
        assert "changed meanwhile" in str(errors["__all__"])
    assert (rows(), audit()) == (before, entries)


def test_the_page_of_a_peer_carries_what_it_saw(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop", auth_token_hash=token_hash("t"))
    page = panel.get(change("laptop")).content.decode()

    assert f'name="seen" value="{state_digest(get_state("laptop"))}"' in page
    assert 'name="seen"' not in panel.get(ADD).content.decode()


def test_renaming(panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    add_peer("laptop")
    forget_audit()
    response = panel.post(change("laptop"), edited("laptop", peer_id="desk/top", keys=fingerprint("laptop")))

    assert response.status_code == 302
    assert list(rows()) == ["desk/top"]
    assert audit() == [("admin", "peer.renamed", "desk/top"), ("admin", "peer.renamed", "laptop")]
    entry = AuditEntry.objects.get(object_id="desk/top")
    assert (entry.before["peer_id"], entry.after["peer_id"]) == ("laptop", "desk/top")
    assert len(entry.request_id) == 36


@pytest.mark.parametrize("button", ["_save", "_continue"])
def test_after_a_rename_every_link_has_the_new_name(panel: Client, add_peer: AddPeer, button: str) -> None:
    add_peer("laptop")
    sent = edited("laptop", peer_id="desk/top", keys=fingerprint("laptop")) | {button: "x"}
    response = panel.post(change("laptop"), sent, follow=True)

    assert response.status_code == 200
    assert response.request["PATH_INFO"] == ("/peers/peer/desk_2Ftop/change/" if button == "_continue" else LIST)
    assert "/peers/peer/laptop/" not in response.content.decode()
    assert "/peers/peer/desk_2Ftop/change/" in response.content.decode()


def test_deleting_one(panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    add_peer("laptop")
    forget_audit()
    panel.post(reverse("admin:peers_peer_delete", args=["laptop"]), {"post": "yes"})

    assert rows() == {}
    assert audit() == [("admin", "peer.removed", "laptop")]


WRONG = [
    ({"keys": "nonsense"}, "keys", "Key 1: expected"),
    ({"keys": f"{ssh_line(1)}\nssh-rsa AAAA"}, "keys", "Key 2: only ssh-ed25519"),
    ({"keys": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}, "keys", "private key"),
    ({"keys": fingerprint("taken")}, "keys", "belongs to the peer “taken”"),
    ({"auth_token_hash": token_hash("taken")}, "auth_token_hash", "belongs to the peer “taken”"),
    ({"auth_token_hash": "a secret"}, "auth_token_hash", "sha256:"),
    ({"peer_id": ""}, "peer_id", "needs a name"),
    ({"peer_id": " "}, "peer_id", "no space at its ends"),
    ({"peer_id": "taken"}, "peer_id", "already"),
    ({"scopes": "a b"}, "scopes", "no spaces"),
    ({"scopes": "\n".join(f"s{n}" for n in range(10_000))}, "scopes", "At most"),
    ({"resources": '["repo"]'}, "resources", "map of lists"),
    ({"resources": '{"repo": "web"}'}, "resources", "“repo”"),
    ({"resources": '{"repo": [1]}'}, "resources", "“repo”"),
    ({"resources": '{"repo": '}, "resources", "line 1, column 9"),
    ({"resources": "9" * 5_000}, "resources", "too many digits"),
    ({"resources": "[" * 100_000}, "resources", "Nested too deep"),
    ({"display_name": "x" * 256}, "display_name", "At most"),
]


@pytest.mark.parametrize(("wrong", "field", "text"), WRONG)
def test_wrong_input_is_a_field_error_and_writes_nothing(
    panel: Client, add_peer: AddPeer, wrong: dict[str, Any], field: str, text: str
) -> None:
    add_peer("taken", auth_token_hash=token_hash("taken"))
    add_peer("mine")
    before, entries = rows(), audit()

    for url, sent in ((ADD, form(**wrong)), (change("mine"), edited("mine", **wrong))):
        errors = field_errors(panel.post(url, sent))
        assert list(errors) == [field]
        assert text in " ".join(errors[field])
    assert rows() == before
    assert audit() == entries


def test_wrong_input_is_shown_again_as_it_was_typed(panel: Client) -> None:
    response = panel.post(ADD, form(keys="first\nsecond", scopes="a b", resources='{"x"'))

    page = response.content.decode()
    assert "first\nsecond" in page
    assert "a b" in page
    assert "{&quot;x&quot;" in page


def test_the_history_is_the_audit_log(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    panel.post(change("laptop"), edited("laptop", keys=fingerprint("laptop"), scopes="x"))

    page = panel.get(reverse("admin:peers_peer_history", args=["laptop"])).content.decode()
    assert "added the peer" in page
    assert "changed the peer" in page
    assert panel.get(reverse("admin:peers_peer_history", args=["ghost"])).status_code == 404


def test_an_expiry_and_notes_are_set_on_the_form(panel: Client, add_peer: AddPeer) -> None:
    entry = add_peer("laptop")
    typed = {"expires_at_0": "2099-01-31", "expires_at_1": "12:00", "notes": "Bob has it."}
    sent = edited("laptop", keys="\n".join(entry.fingerprints), **typed)
    assert panel.post(change("laptop"), sent).status_code == 302
    assert get_state("laptop").terms == PeerTerms(4_073_544_000.0, {}, "Bob has it.")
    page = panel.get(change("laptop")).content.decode()
    assert all(text in page for text in ('value="2099-01-31"', "Bob has it."))
    sent = edited("laptop", keys="\n".join(entry.fingerprints), **typed | {"expires_at_0": "", "expires_at_1": ""})
    panel.post(change("laptop"), sent)
    assert get_state("laptop").terms == PeerTerms(notes="Bob has it.")


def test_an_end_that_has_passed_is_not_set_anew_and_may_stay(panel: Client, add_peer: AddPeer) -> None:
    entry = add_peer("laptop")
    past = {"keys": "\n".join(entry.fingerprints), "expires_at_0": "2001-01-31", "expires_at_1": "12:00"}
    assert "expires_at" in field_errors(panel.post(change("laptop"), edited("laptop", **past)))
    services.set_peer_expiry(actor=ALICE, peer_id="laptop", expires_at=980_942_400.5)
    assert panel.post(change("laptop"), edited("laptop", **past, scopes="a")).status_code == 302
    state = get_state("laptop")
    assert (state.entry.scopes, state.terms.expires_at) == (("a",), 980_942_400.5)
    assert "expired 2001-01-31 12:00 UTC" in panel.get(LIST).content.decode()
