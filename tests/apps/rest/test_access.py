"""The access tester over REST."""

import json
import time
from collections.abc import Callable
from typing import Any

from apps.access.models import Grant
from apps.accounts.rights import Right
from node.core.peers import PeerEntry
from tests.support.rest import Caller, problem_of, token_with

AddPeer = Callable[..., PeerEntry]


def test_rest_tells_the_tree(api: Caller, add_peer: AddPeer) -> None:
    add_peer("ci", scopes=["git:read"], resources={"repo": ["web"]})
    asked = {"who": "ci", "scopes": ["git:read"], "resource_type": "repo", "resource": "docs"}
    told = json.loads(api.call("POST", "/access/check", asked).content)
    assert (told["allowed"], told["rule"]) == (False, "resource")
    assert [step["step"] for step in told["children"]] == ["connection", "caller", "scopes", "resource"]
    assert "scopes" in problem_of(api.call("POST", "/access/check", {"scopes": ["a b"]}), 422)["errors"]


def test_a_change_is_previewed_and_not_made(api: Caller, add_peer: AddPeer) -> None:
    add_peer("ci", scopes=["a", "b"])
    asked = {"peer_id": "ci", "changes": {"scopes": ["a"]}}
    told = json.loads(api.call("POST", "/access/impact", asked).content)
    assert (told["closes"], told["scopes"], told["keys"]) == (0, ["b"], [])
    told = json.loads(api.call("POST", "/access/impact", {"peer_id": "ci"}).content)
    assert (told["scopes"], len(told["keys"])) == (["a", "b"], 1)
    assert json.loads(api.get("/peers/ci").content)["scopes"] == ["a", "b"]
    problem_of(api.call("POST", "/access/impact", {"peer_id": "nobody"}), 404)


def test_grants_are_part_of_what_goes(api: Caller, add_peer: AddPeer) -> None:
    add_peer("ci", scopes=["a", "b"])
    given = Grant.objects.create(peer_id="ci", scopes=["b", "c"], expires_at=time.time() + 60)
    Grant.objects.create(peer_id="ci", scopes=["over"], expires_at=time.time())

    def told(changes: dict[str, Any] | None, by: Caller = api) -> tuple[list[str], list[str]]:
        found = json.loads(by.call("POST", "/access/impact", {"peer_id": "ci", "changes": changes}).content)
        return found["scopes"], [one["id"] for one in found["grants"]]

    assert told({"scopes": []}) == (["a"], []), "b is given yet"
    assert told({"peer_id": "c2"}) == ([], []), "they follow"
    assert told({"expires_at": 1.0}) == (["a", "b", "c"], [])
    assert told(None) == (["a", "b", "c"], [given.pk])
    assert told(None, Caller(token_with(Right.PEERS_READ))) == (["a", "b", "c"], [])
