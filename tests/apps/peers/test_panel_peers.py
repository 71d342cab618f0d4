"""Every way of writing a peer in the panel: one audit row by the signed-in user, or a field error and nothing."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.accounts.rights import Role
from apps.audit.models import AuditEntry
from apps.peers import services
from apps.peers.bulk import digest
from apps.peers.digests import state_digest
from apps.peers.models import Peer
from apps.peers.selectors import get_state
from apps.peers.terms import PeerTerms
from node.core.peers import PeerEntry
from node.core.tokens import hash_token
from tests.support.accounts import desk_of
from tests.support.panel import ALICE, audit, fingerprint, pem, rows, ssh_line, token_hash

AddPeer = Callable[..., PeerEntry]

LIST = "/peers/peer/"
ADD = "/peers/peer/add/"


def change(peer_id: str) -> str:
    return reverse("admin:peers_peer_change", args=[peer_id])


def form(**fields: Any) -> dict[str, Any]:
    """What a browser sends for a peer's form."""
    typed = {"peer_id": "laptop", "display_name": "", "enabled": "on", "keys": "", "scopes": "", "resources": "{}"}
    return {name: value for name, value in (typed | fields).items() if value is not None}


def edited(stored: str, **fields: Any) -> dict[str, Any]:
    """What a browser sends for the form of a peer that is stored, on a page that is fresh."""
    return form(seen=state_digest(get_state(stored)), **fields)


def field_errors(response: HttpResponse) -> dict[str, list[str]]:
    assert response.status_code == 200, "a form with errors is shown again"
    return dict(response.context["adminform"].form.errors)


def changelist(row: Peer, *others: Peer, **fields: Any) -> dict[str, Any]:
    """What a browser sends for the list with its switches, one field of the first row changed."""
    data: dict[str, Any] = {
        "form-TOTAL_FORMS": 1 + len(others),
        "form-INITIAL_FORMS": 1 + len(others),
        "_save": "Save",
    }
    for number, each in enumerate(sorted((row, *others), key=lambda peer: peer.pk)):
        enabled = fields["enabled"] if each == row else each.enabled
        data |= {f"form-{number}-peer_id": each.pk, f"initial-form-{number}-enabled": str(each.enabled)}
        data |= {f"form-{number}-enabled": "on"} if enabled else {}
    return data


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
    panel.post(change("laptop"), edited("laptop", keys=ssh_line(9), scopes="x", enabled=None))

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


def test_a_switch_in_the_list(panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    for name in ("a", "b", "c"):
        add_peer(name, scopes=[name])
    forget_audit()
    a, b, c = Peer.objects.all()
    panel.post(LIST, changelist(b, a, c, enabled=False))

    assert [row.enabled for row in Peer.objects.all()] == [True, False, True]
    assert [row.scopes for row in Peer.objects.all()] == [["a"], ["b"], ["c"]]
    assert audit() == [("admin", "peer.disabled", "b")]


def test_a_stale_list_writes_only_the_switch_that_was_flipped(
    panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]
) -> None:
    for name in ("a", "b"):
        add_peer(name)
    a, b = Peer.objects.all()
    page = panel.get(LIST).content.decode()
    assert 'name="initial-form-0-enabled" value="True"' in page
    services.set_peers_enabled(actor=ALICE, peer_ids=["a"], enabled=False)
    forget_audit()
    panel.post(LIST, changelist(b, a, enabled=False))

    assert [row.enabled for row in Peer.objects.all()] == [False, False]
    assert audit() == [("admin", "peer.disabled", "b")]


def test_a_token_is_shown_once_on_the_answer_to_a_post(
    panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]
) -> None:
    add_peer("laptop")
    forget_audit()
    url = reverse("admin:peers_peer_issue_token", args=["laptop"])
    panel.get(url)
    assert Peer.objects.get().auth_token_hash is None, "looking makes nothing"

    response = panel.post(url)
    token = response.context["secret"]
    assert token in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert Peer.objects.get().auth_token_hash == hash_token(token)
    assert token not in panel.get(change("laptop")).content.decode()
    assert token not in str(dict(panel.session.items()))
    assert audit() == [("admin", "peer.token_issued", "laptop")]


def test_a_token_is_taken_away(panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    add_peer("laptop", auth_token_hash=token_hash("t"))
    forget_audit()
    panel.post(reverse("admin:peers_peer_clear_token", args=["laptop"]))

    assert Peer.objects.get().auth_token_hash is None
    assert audit() == [("admin", "peer.token_cleared", "laptop")]


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


def test_a_key_is_shown_in_every_spelling(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    page = panel.get(change("laptop")).content.decode()

    assert fingerprint("laptop") in page
    assert ssh_line("laptop").split()[1] in page
    assert "BEGIN PUBLIC KEY" in page


@pytest.mark.parametrize("term", ["lap", "Alice", "fs:read", fingerprint("laptop")[:20], ssh_line("laptop")])
def test_the_list_finds_by_name_scope_and_any_spelling_of_a_key(panel: Client, add_peer: AddPeer, term: str) -> None:
    add_peer("laptop", display_name="Alice", scopes=["fs:read"])
    add_peer("other")

    found = panel.get(LIST, {"q": term}).context["cl"].queryset
    assert [row.pk for row in found] == ["laptop"]


def test_the_list_filters_and_sorts(panel: Client, add_peer: AddPeer) -> None:
    add_peer("a", enabled=False, scopes=["x", "y"])
    add_peer("b", auth_token_hash=token_hash("b"), scopes=["x"])
    add_peer("c")

    def listed(**query: str) -> list[str]:
        return [row.pk for row in panel.get(LIST, query).context["cl"].queryset]

    assert listed(enabled__exact="0") == ["a"]
    assert listed(token="set") == ["b"]
    assert listed(token="none") == ["a", "c"]
    assert listed(o="-5")[0] == "a"


def test_the_history_is_the_audit_log(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    panel.post(change("laptop"), edited("laptop", keys=fingerprint("laptop"), scopes="x"))

    page = panel.get(reverse("admin:peers_peer_history", args=["laptop"])).content.decode()
    assert "added the peer" in page
    assert "changed the peer" in page
    assert panel.get(reverse("admin:peers_peer_history", args=["ghost"])).status_code == 404


def test_a_peer_that_is_gone_meanwhile_is_a_message(
    panel: Client, add_peer: AddPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_peer("a")
    from apps.peers.errors import Absent

    def gone(**_: object) -> int:
        raise Absent("peer", "a")

    monkeypatch.setattr(services, "set_peers_enabled", gone)
    sent = {"action": "disable_peers", "_selected_action": ["a"], "post": "yes", "digest": digest(["a"])}
    response = panel.post(LIST, sent, follow=True)
    assert "Nothing was changed" in response.content.decode()


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


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("soon", ["b"]), ("expired", ["a"]), ("set", ["a", "b", "c"]), ("key", ["d"]), ("junk", ["a", "b", "c", "d"])],
)
def test_the_list_is_filtered_by_expiry(panel: Client, add_peer: AddPeer, wanted: str, found: list[str]) -> None:
    ends = {"a": 5.0, "b": time.time() + 86_400, "c": 4_000_000_000.0}
    for name in "abcd":
        add_peer(name)
    for name, end in ends.items():
        services.set_peer_expiry(actor=ALICE, peer_id=name, expires_at=end)
    services.set_key_expiry(actor=ALICE, peer_id="d", key=fingerprint("d"), expires_at=5.0)
    page = panel.get(LIST, {"expiry": wanted})
    rows = page.context["cl"].result_list if page.status_code == 200 else panel.get(LIST).context["cl"].result_list
    assert [row.pk for row in rows] == found


def test_a_key_is_rotated_on_its_page(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    url = reverse("admin:peers_peer_rotate_key", args=["laptop"])
    assert fingerprint("laptop") in panel.get(url).content.decode()
    typed = {"old": fingerprint("laptop"), "new": "no key", "overlap": "3600"}
    assert "new" in panel.post(url, typed).context["form"].errors
    assert panel.post(url, typed | {"new": ssh_line(2)}).status_code == 302
    state = get_state("laptop")
    assert state.entry.fingerprints == (fingerprint("laptop"), fingerprint(2))
    assert state.terms.key_expires_at.keys() == {fingerprint("laptop")}
    assert audit()[-1] == ("admin", "peer.key_rotated", "laptop")
    assert "Ends" in panel.get(change("laptop")).content.decode()


def test_a_peer_without_a_key_that_holds_has_none_to_rotate(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    services.set_key_expiry(actor=ALICE, peer_id="laptop", key=fingerprint("laptop"), expires_at=5.0)
    url = reverse("admin:peers_peer_rotate_key", args=["laptop"])
    assert "has no key that holds" in panel.get(url).content.decode()
