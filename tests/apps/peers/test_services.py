"""What the services promise: all or nothing, one audit row for one change, no trace of a change of nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from apps.audit.models import AuditEntry
from apps.peers import services
from apps.peers.errors import Absent
from apps.peers.models import ApiKey, Peer
from apps.peers.selectors import find_peer, get_peer
from node.core.peers import InvalidPeer, PeerEntry
from node.core.tokens import hash_token
from tests.support.panel import ALICE, audit, draft, fingerprint, pem, rows, ssh_line, token_hash

AddPeer = Callable[..., PeerEntry]

pytestmark = pytest.mark.django_db


def test_a_new_peer_is_stored_exactly_and_audited_once() -> None:
    services.create_peer(
        actor=ALICE,
        draft={
            "peer_id": "laptop",
            "keys": [f"{ssh_line(1)} alice@home", pem(2), fingerprint(3), fingerprint(1)],
            "scopes": ["b", "a", "b"],
            "resources": {"repo": ["web"]},
            "display_name": " Alice's laptop ",
        },
    )

    row = Peer.objects.get()
    assert row.fingerprints == [fingerprint(1), fingerprint(2), fingerprint(3)]
    assert row.scopes == ["b", "a"]
    assert row.resources == {"repo": ["web"]}
    assert row.display_name == "Alice's laptop"
    assert row.enabled is True
    assert row.auth_token_hash is None
    assert audit() == [("alice", "peer.added", "laptop")]


def test_the_audit_row_holds_before_and_after_but_no_hash(add_peer: AddPeer) -> None:
    add_peer("laptop", auth_token_hash=token_hash("t"))
    services.update_peer(actor=ALICE, peer_id="laptop", changes={"scopes": ["x"]})

    entry = AuditEntry.objects.get(action="peer.changed")
    assert entry.before["scopes"] == []
    assert entry.after["scopes"] == ["x"]
    assert entry.before["token"] == entry.after["token"] == "set"
    assert entry.actor_kind == "cli"
    assert token_hash("t") not in f"{entry.before}{entry.after}"


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"scopes": ["x"]}, "peer.changed"),
        ({"enabled": False}, "peer.disabled"),
        ({"peer_id": "desktop"}, "peer.renamed"),
        ({"peer_id": "desktop", "scopes": ["x"], "enabled": False}, "peer.renamed"),
    ],
)
def test_each_change_is_named_for_what_it_did(add_peer: AddPeer, changes: dict[str, Any], action: str) -> None:
    add_peer("laptop")
    services.update_peer(actor=ALICE, peer_id="laptop", changes=changes)

    names = dict.fromkeys([changes.get("peer_id", "laptop"), "laptop"])
    assert audit()[1:] == [("alice", action, name) for name in names]


def test_a_change_that_changes_nothing_leaves_no_audit_row(add_peer: AddPeer) -> None:
    entry = add_peer("laptop", scopes=["x"])
    services.update_peer(actor=ALICE, peer_id="laptop", changes={"scopes": ["x", "x"], "keys": [ssh_line("laptop")]})
    services.set_peers_enabled(actor=ALICE, peer_ids=["laptop"], enabled=True)
    services.put_peer(actor=ALICE, draft=draft("laptop", scopes=["x"]))

    assert get_peer("laptop") == entry
    assert len(audit()) == 1


def test_a_rename_keeps_everything_else(add_peer: AddPeer) -> None:
    entry = add_peer("laptop", scopes=["x"], auth_token_hash=token_hash("t"))
    renamed = services.update_peer(actor=ALICE, peer_id="laptop", changes={"peer_id": "desktop"})

    assert find_peer("laptop") is None
    assert renamed == get_peer("desktop")
    assert renamed.identity().scopes == entry.scopes
    assert renamed.fingerprints == entry.fingerprints
    assert renamed.auth_token_hash == entry.auth_token_hash


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"peer_id": ""}, "peer_id"),
    ({"peer_id": "a\nb"}, "peer_id"),
    ({"peer_id": "x" * 256}, "peer_id"),
    ({"peer_id": "taken"}, "peer_id"),
    ({"keys": ["nonsense"]}, "keys"),
    ({"keys": ["ed25519:" + "A" * 64]}, "keys"),
    ({"keys": "one text"}, "keys"),
    ({"keys": [fingerprint(n) for n in range(65)]}, "keys"),
    ({"keys": [ssh_line("taken")]}, "keys"),
    ({"scopes": ["a b"]}, "scopes"),
    ({"scopes": [""]}, "scopes"),
    ({"scopes": [f"s{n}" for n in range(10_000)]}, "scopes"),
    ({"scopes": "a"}, "scopes"),
    ({"resources": ["repo"]}, "resources"),
    ({"resources": {"repo": "web"}}, "resources"),
    ({"resources": {"repo": [1]}}, "resources"),
    ({"auth_token_hash": token_hash("taken")}, "auth_token_hash"),
    ({"auth_token_hash": "secret"}, "auth_token_hash"),
    ({"enabled": "yes"}, "enabled"),
    ({"colour": "red"}, "peer"),
]


@pytest.mark.parametrize(("wrong", "field"), REFUSED)
def test_wrong_input_names_its_field_and_writes_nothing(add_peer: AddPeer, wrong: dict[str, Any], field: str) -> None:
    add_peer("taken", auth_token_hash=token_hash("taken"))
    add_peer("laptop")
    before, entries = rows(), len(audit())

    with pytest.raises(InvalidPeer) as created:
        services.create_peer(actor=ALICE, draft={"peer_id": "new", **wrong})
    with pytest.raises(InvalidPeer) as updated:
        services.update_peer(actor=ALICE, peer_id="laptop", changes=wrong)

    assert list(created.value.errors) == list(updated.value.errors) == [field]
    assert rows() == before
    assert len(audit()) == entries


def test_a_duplicate_names_the_peer_that_has_it(add_peer: AddPeer) -> None:
    add_peer("taken", auth_token_hash=token_hash("t"))

    with pytest.raises(InvalidPeer) as refused:
        services.put_peer(actor=ALICE, draft=draft("new", keys=[ssh_line("taken")], auth_token_hash=token_hash("t")))

    assert "“taken”" in refused.value.errors["keys"][0]
    assert "“taken”" in refused.value.errors["auth_token_hash"][0]


def test_a_disabled_peer_still_owns_its_key(add_peer: AddPeer) -> None:
    add_peer("taken", enabled=False)

    with pytest.raises(InvalidPeer):
        add_peer("new", keys=[fingerprint("taken")])


def test_a_key_moves_to_another_peer_once_the_first_gave_it_up(add_peer: AddPeer) -> None:
    add_peer("old")
    services.update_peer(actor=ALICE, peer_id="old", changes={"keys": []})

    assert add_peer("new", keys=[fingerprint("old")]).fingerprints == (fingerprint("old"),)


def test_changing_many_is_all_or_nothing(add_peer: AddPeer) -> None:
    add_peer("a")
    add_peer("b")
    before, entries = rows(), len(audit())

    with pytest.raises(Absent, match="“ghost”"):
        services.set_peers_enabled(actor=ALICE, peer_ids=["a", "ghost", "b"], enabled=False)
    with pytest.raises(Absent):
        services.remove_peers(actor=ALICE, peer_ids=["a", "ghost"])

    assert rows() == before
    assert len(audit()) == entries


def test_an_absent_peer_is_said_to_be_absent() -> None:
    for attempt in (
        lambda: services.update_peer(actor=ALICE, peer_id="ghost", changes={}),
        lambda: services.issue_peer_token(actor=ALICE, peer_id="ghost"),
        lambda: services.clear_peer_token(actor=ALICE, peer_id="ghost"),
        lambda: services.remove_api_keys(actor=ALICE, prefixes=["alk_none"]),
    ):
        with pytest.raises(Absent):
            attempt()


def test_removing_leaves_one_row_for_each(add_peer: AddPeer) -> None:
    add_peer("a")
    add_peer("b")

    assert services.remove_peers(actor=ALICE, peer_ids=["b", "a", "b"]) == 2
    assert rows() == {}
    assert audit()[2:] == [("alice", "peer.removed", "b"), ("alice", "peer.removed", "a")]


def test_a_token_is_returned_once_and_stored_as_its_hash(add_peer: AddPeer) -> None:
    add_peer("laptop")
    first = services.issue_peer_token(actor=ALICE, peer_id="laptop")
    second = services.issue_peer_token(actor=ALICE, peer_id="laptop")

    assert first != second
    assert get_peer("laptop").auth_token_hash == hash_token(second)
    services.clear_peer_token(actor=ALICE, peer_id="laptop")
    assert get_peer("laptop").auth_token_hash is None
    assert [action for _, action, _ in audit()[1:]] == [
        "peer.token_issued",
        "peer.token_issued",
        "peer.token_cleared",
    ]
    for secret in (first, second, hash_token(second)):
        assert secret not in str(list(AuditEntry.objects.values()))


def test_an_api_key_is_returned_once_and_stored_as_its_hash() -> None:
    new = services.create_api_key(actor=ALICE, description="backup", scopes=["a", "a"], expires_at=2_000_000_000)

    row = ApiKey.objects.get()
    assert new.secret.startswith(row.prefix)
    assert row.hash == hash_token(new.secret)
    assert (row.scopes, row.description, row.expires_at) == (["a"], "backup", 2_000_000_000)
    assert new.secret not in repr(new)
    assert row.hash not in str(list(AuditEntry.objects.values()))
    services.remove_api_keys(actor=ALICE, prefixes=[row.prefix])
    assert not ApiKey.objects.exists()
    assert audit() == [("alice", "api_key.added", row.prefix), ("alice", "api_key.removed", row.prefix)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scopes": ["a b"]}, "scopes"),
        ({"scopes": [f"s{n}" for n in range(10_000)]}, "scopes"),
        ({"description": "a\nb"}, "description"),
        ({"expires_at": -1}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_a_wrong_api_key_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidPeer) as refused:
        services.create_api_key(actor=ALICE, **{"description": "", "scopes": [], **wrong})

    assert list(refused.value.errors) == [field]
    assert not ApiKey.objects.exists()
    assert audit() == []


def test_a_failing_caller_takes_change_and_audit_row_with_it() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.create_peer(actor=ALICE, draft=draft("laptop"))
        raise ZeroDivisionError

    assert rows() == {}
    assert audit() == []


def test_a_row_with_columns_of_another_shape_can_be_read_and_removed(add_peer: AddPeer) -> None:
    add_peer("laptop")
    Peer.objects.update(fingerprints={"not": "a list"}, scopes=7, resources=["not a map"])

    assert get_peer("laptop").fingerprints == ()
    assert get_peer("laptop").resources == {}
    assert services.remove_peers(actor=ALICE, peer_ids=["laptop"]) == 1


@pytest.mark.parametrize("wrong", [["ed25519:zz"], [[fingerprint("x")]], [7, fingerprint("x") + "0"]])
def test_a_key_that_is_none_is_neither_shown_nor_held_by_anyone(add_peer: AddPeer, wrong: list[Any]) -> None:
    add_peer("laptop")
    Peer.objects.update(fingerprints=[*wrong, fingerprint(1)])

    assert get_peer("laptop").fingerprints == (fingerprint(1),)
    assert add_peer("new", keys=[fingerprint("x")]).fingerprints == (fingerprint("x"),)
    with pytest.raises(InvalidPeer, match="“laptop”"):
        add_peer("thief", keys=[fingerprint(1)])
