"""The access tester over REST."""

import json
from collections.abc import Callable

from node.core.peers import PeerEntry
from tests.support.rest import Caller, problem_of

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
