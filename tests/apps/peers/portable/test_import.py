"""An import as a change: one transaction, one audit row for each peer, one swap of the node's index."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.access.models import Grant
from apps.accounts.rights import Right
from apps.activity import selectors as activity
from apps.activity.models import Connection
from apps.audit.models import AuditEntry
from apps.forwarding import services as forwarding
from apps.peers import selectors, services
from apps.peers.models import PeerNote, PeerTerm
from apps.peers.portable.formats import Format, read
from apps.peers.portable.impact import SHOWN
from apps.peers.portable.rows import ImportRefused
from apps.peers.portable.text import MAX_UPLOAD
from apps.peers.services import PlanChanged, imports
from apps.peers.terms import PeerTerms
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, audit, fingerprint, notification_listener, rows
from tests.support.rest import Caller, problem_of, token_with

AddPeer = Callable[..., PeerEntry]
FILE = b"peer_id,scopes,enabled\nlaptop,git:read,true\nci,,false\nnew,a b,\n"


def run(data: bytes = FILE, *, replace: bool = False, **options: Any) -> Any:
    return services.import_peers(actor=ALICE, rows=read(Format.CSV, data), replace=replace, **options)


def steps(plan: Any) -> dict[str, str]:
    return {step.peer_id: step.action for step in plan.steps}


def test_it_changes_what_the_file_says_and_no_more(add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    add_peer("laptop", scopes=["git:write"], display_name="Alice's")
    add_peer("ci", enabled=False)
    add_peer("old")
    forget_audit()
    told = notification_listener()
    plan = run()
    assert steps(plan) == {"laptop": "changed", "new": "added"}
    assert (plan.unchanged, plan.count("removed")) == (1, 0)
    laptop = rows()["laptop"]
    assert (laptop["scopes"], laptop["display_name"]) == (["git:read"], "Alice's")
    assert laptop["fingerprints"] == [fingerprint("laptop")], "a file without keys leaves them"
    assert audit() == [("alice", "peer.changed", "laptop"), ("alice", "peer.added", "new")]
    assert AuditEntry.objects.get(action="peer.changed").before["scopes"] == ["git:write"]
    assert [(payload["op"], payload["id"]) for _, payload in told()] == [("update", "laptop"), ("insert", "new")]
    assert steps(run()) == {}

    assert steps(run(replace=True)) == {"old": "removed"}
    assert set(rows()) == {"laptop", "ci", "new"}
    assert audit()[-1] == ("alice", "peer.removed", "old")


def test_ends_and_notes_are_changed_where_the_file_says_so(add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    for name in ("a", "b", "c"):
        add_peer(name, expires_at=1e9, key_expires_at={fingerprint(name): 2e9}, notes="Bob's")
    forget_audit()
    run(f"peer_id,keys,expires_at,notes\na,{fingerprint('a')},,\nd,,2027-01-31,new\n".encode())
    a, b, d = selectors.get_states(["a", "b", "d"])
    assert (a.terms, d.terms) == (PeerTerms(None, {fingerprint("a"): 2e9}), PeerTerms(1801353600.0, {}, "new"))
    assert b.terms == PeerTerms(1e9, {fingerprint("b"): 2e9}, "Bob's")
    run(b"peer_id,keys\nb,\n")
    run(b"peer_id,expires_at\nd,never\n")
    assert selectors.get_state("b").terms == PeerTerms(1e9, {}, "Bob's"), "the end of a key goes with it"
    assert [action for _, action, _ in audit()] == [
        *("peer.changed", "peer.added"),
        *("peer.changed", "peer.expiry_set"),
    ]
    assert AuditEntry.objects.latest("pk").before["expires_at"] == 1801353600.0
    run(b"peer_id\na\n", replace=True)
    assert set(PeerTerm.objects.values_list("peer_id", flat=True)) == {"a"}
    assert not PeerNote.objects.exists()


def test_a_dry_run_tells_the_same_and_writes_nothing(add_peer: AddPeer) -> None:
    add_peer("laptop")
    before, log = rows(), audit()
    plan = services.plan_import(rows=read(Format.CSV, FILE), replace=True)
    assert (rows(), audit()) == (before, log)
    assert steps(run(replace=True, agreed=plan.digest)) == steps(plan)


def test_what_was_not_agreed_to_is_not_done(add_peer: AddPeer) -> None:
    plan = services.plan_import(rows=read(Format.CSV, FILE), replace=False)
    add_peer("ci", scopes=["x"])
    before = rows()
    with pytest.raises(PlanChanged):
        run(agreed=plan.digest)
    assert rows() == before


def test_rest_takes_and_gives_files(api: Caller, add_peer: AddPeer) -> None:
    add_peer("old")
    told = json.loads(api.call("POST", "/peers/import?dry_run=true", FILE, Content_Type="text/csv").content)
    assert (told["done"], told["added"], told["removed"], told["more"]) == (False, 3, 0, 0)
    assert set(rows()) == {"old"}
    done = api.call("POST", "/peers/import?replace=true", FILE, Content_Type="text/csv; charset=utf-8")
    assert json.loads(done.content)["steps"][-1] | {"differences": []} == {
        "peer_id": "old",
        "action": "removed",
        "place": "",
        "differences": [],
    }
    exported = api.get("/peers/export?format=csv")
    assert exported.content.decode().splitlines()[1] == "ci,,false,,,,,,"
    assert exported["Content-Type"].startswith("text/csv")
    assert api.get("/peers/export").content.startswith(b"[[peers]]")


def test_a_dry_run_over_rest_tells_what_would_close_and_go(
    api: Caller, add_peer: AddPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "node_runs", lambda: True)
    add_peer("old")
    Connection.objects.bulk_create(
        Connection(boot="b", connection=number, peer_id="old", alpn="h3", since=datetime.now(UTC))
        for number in range(SHOWN + 2)
    )
    forwarding.add_rule(actor=ALICE, action="allow", target="*", principals=["old"])
    given = Grant.objects.create(peer_id="old", scopes=["x"], expires_at=time.time() + 3600)

    def told(query: str, by: Caller = api) -> Any:
        found = json.loads(by.call("POST", f"/peers/import?{query}", FILE, Content_Type="text/csv").content)["impact"]
        return found and (
            found["closes"],
            len(found["closing"]),
            found["grants_go"],
            [g["id"] for g in found["grants"]],
            found["rules_go"],
            [rule["words"] for rule in found["rules"]],
        )

    assert told("dry_run=true&replace=true") == (
        *(SHOWN + 2, SHOWN, 1, [given.pk]),
        *(1, ["1. allow * for old, which goes"]),
    )
    assert told("dry_run=true") == (0, 0, 0, [], 0, [])
    narrow = Caller(token_with(Right.PEERS_WRITE))
    assert told("dry_run=true&replace=true", narrow) == (SHOWN + 2, 0, 1, [], 1, [])
    assert told("replace=true") is None


def test_rest_refuses_by_row_and_by_right(api: Caller) -> None:
    wrong = problem_of(api.call("POST", "/peers/import", FILE + b"x\n", Content_Type="text/csv"), 422)
    assert wrong["errors"] == {"row 5": ["It has 1 cells, and the header 3."]}
    problem_of(api.call("POST", "/peers/import", FILE, Content_Type="application/json"), 415)
    problem_of(api.call("POST", "/peers/import", b"x" * (MAX_UPLOAD + 1), Content_Type="text/csv"), 413)
    reader = Caller(token_with("peers:read"))
    problem_of(reader.call("POST", "/peers/import?dry_run=true", FILE, Content_Type="text/csv"), 403)
    assert rows() == {}


def test_all_is_judged_before_the_lock_and_again_where_somebody_wrote_meanwhile(
    add_peer: AddPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer that comes in between is seen: its key is refused, and with none in between nothing is judged twice."""
    judged, make_plan = [], imports.make_plan

    def meddling(*args: Any, **options: Any) -> Any:
        plan = make_plan(*args, **options)
        judged.append(plan)
        if len(judged) == 2:
            add_peer("thief", keys=[fingerprint("mine")])
        return plan

    monkeypatch.setattr(imports, "make_plan", meddling)
    run(b"peer_id\nfirst\n")
    assert len(judged) == 1
    with pytest.raises(ImportRefused, match="belongs to the peer “thief”"):
        run(f"peer_id,keys\nsecond,{fingerprint('mine')}\n".encode())
    assert set(rows()) == {"first", "thief"}


def test_a_mark_of_all_peers_changes_with_any_and_whatever_stands_beside_it(add_peer: AddPeer) -> None:
    marks = [selectors.mark_of_peers()]
    add_peer("ci")
    marks.append(selectors.mark_of_peers())
    services.set_peer_notes(actor=ALICE, peer_id="ci", notes="x")
    marks.append(selectors.mark_of_peers())
    services.set_peer_expiry(actor=ALICE, peer_id="ci", expires_at=9e9)
    marks.append(selectors.mark_of_peers())
    assert len(set(marks)) == 4
    assert selectors.mark_of_peers() == marks[-1]
