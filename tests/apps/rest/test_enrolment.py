"""Enrolment over REST: a code is told once, and letting in takes the right to change peers besides."""

import json
from typing import Any

import pytest

from apps.accounts.rights import Right
from apps.enrolment import services
from apps.enrolment.models import Claim, Invite, Stranger
from apps.peers import selectors as peers
from node.core.enrolment.code import parse_code
from tests.support.enrolment import invite, key, taken
from tests.support.panel import ALICE
from tests.support.rest import Caller, problem_of, token_with
from tests.support.vault_node import VaultNode


def told(api: Caller, path: str) -> Any:
    answer = api.get(path)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def test_a_code_is_told_once_and_once_for_each_key_of_idempotency(api: Caller, node: VaultNode) -> None:
    wish = {"peer_id": "laptop", "scopes": ["a"], "resources": {"repo": ["web"]}, "seconds": 3600}
    first = api.call("POST", "/invites", wish, Idempotency_Key="one")
    made = json.loads(first.content)
    assert first.status_code == 201
    assert parse_code(made["code"]).fingerprint == key(7)
    assert json.loads(api.call("POST", "/invites", wish, Idempotency_Key="one").content) == made
    assert Invite.objects.count() == 1
    shown = told(api, f"/invites/{made['id']}")
    assert (shown["state"], shown["peer_id"], shown["needs_approval"]) == ("open", "laptop", True)
    assert "code" not in shown
    assert api.call("DELETE", f"/invites/{made['id']}").status_code == 204
    assert [row["state"] for row in told(api, "/invites?usable=false")["items"]] == ["revoked"]
    assert told(api, "/invites?usable=true")["items"] == []


@pytest.mark.parametrize("wrong", [{"uses": 0}, {"uses": True}, {"seconds": 1}, {"scopes": ["a b"]}, {"code": "x"}])
def test_what_is_wrong_is_told_and_nothing_is_written(api: Caller, node: VaultNode, wrong: dict[str, Any]) -> None:
    problem_of(api.call("POST", "/invites", wrong), 422)
    assert Invite.objects.count() == 0


def test_an_invitation_says_when_its_peers_end(api: Caller, node: VaultNode) -> None:
    made = json.loads(api.call("POST", "/invites", {"peer_seconds": 3600}).content)
    assert (made["peer_seconds"], made["peer_expires_at"]) == (3600, None)
    assert told(api, f"/invites/{made['id']}")["peer_seconds"] == 3600
    both = problem_of(api.call("POST", "/invites", {"peer_seconds": 3600, "peer_expires_at": 9e9}), 422)
    assert list(both["errors"]) == ["peer_seconds"]


def test_claims_are_read_and_decided(api: Caller, db: None) -> None:
    code = invite(uses=3, needs_approval=True).code
    one, two, _ = (taken(number, code, key(number), name=f"pi-{number}") for number in (1, 2, 3))
    assert len(told(api, "/claims?state=queued")["items"]) == 3
    problem_of(api.call("POST", f"/claims/{one.pk}/approve", {"sas": "000 000 000"}), 409)
    problem_of(api.call("POST", f"/claims/{one.pk}/approve", {"sas": "111222333"}), 422)
    approved = api.call("POST", f"/claims/{one.pk}/approve", {"sas": one.sas, "scopes": ["b"]})
    assert json.loads(approved.content)["peer_id"] == "pi-1"
    assert peers.get_peer("pi-1").scopes == ("b",)
    assert json.loads(api.call("POST", f"/claims/{two.pk}/refuse").content)["state"] == "refused"
    problem_of(api.call("POST", f"/claims/{two.pk}/refuse"), 409)
    problem_of(api.get("/claims/nobody"), 404)
    assert {row["state"] for row in told(api, "/claims?limit=2")["items"]} <= {"queued", "admitted", "refused"}


def test_unknown_keys_are_read_admitted_and_dismissed(api: Caller, db: None) -> None:
    for number in (1, 2):
        Stranger.objects.create(pk=key(number), first_seen=1.0, last_seen=2.0, count=3)
    assert [row["fingerprint"] for row in told(api, "/strangers")["items"]] == [key(1), key(2)]
    admitted = api.call("POST", f"/strangers/{key(1)}/admit", {"peer_id": "desk", "scopes": ["a"]})
    assert (admitted.status_code, peers.get_peer("desk").fingerprints) == (201, (key(1),))
    assert api.call("POST", f"/strangers/{key(2)}/dismiss", {}).status_code == 204
    assert told(api, "/strangers")["items"] == []
    problem_of(api.call("POST", f"/strangers/{key(9)}/admit", {"peer_id": "x"}), 404)


def test_letting_in_takes_the_right_to_change_peers_besides(api: Caller, node: VaultNode) -> None:
    weak = Caller(token_with(Right.INVITES_WRITE))
    claim = taken(1, invite(needs_approval=True).code, key(1), name="pi")
    Stranger.objects.create(pk=key(9), first_seen=1.0, last_seen=1.0, count=1)
    assert weak.call("POST", "/invites", {}).status_code == 201
    for path, body in (
        ("/invites", {"needs_approval": False}),
        (f"/claims/{claim.pk}/approve", {"sas": claim.sas}),
        (f"/strangers/{key(9)}/admit", {"peer_id": "x"}),
    ):
        assert "peers:write" in problem_of(weak.call("POST", path, body), 403)["detail"]
    assert (peers.list_peers(), Claim.objects.get().state) == ([], "queued")
    services.refuse(actor=ALICE, claim_id=claim.pk)
