"""Rules of forwarding over REST."""

from collections.abc import Callable

from node.core.peers import PeerEntry
from tests.support.rest import Caller, problem_of

RULES = "/forwarding/rules"


def test_rules_are_added_moved_changed_and_removed(api: Caller) -> None:
    first = api.call("POST", RULES, {"action": "allow", "target": "DB.lan:5432", "principals": ["ann"]})
    assert first.status_code == 201, first.content
    rule = first.json()
    assert (rule["position"], rule["target"], rule["sentence"]) == (1, "db.lan:5432", "1. allow db.lan:5432 for ann")
    second = api.call("POST", RULES, {"action": "deny", "target": "10.0.0.0/8", "position": 1}).json()
    listed = api.call("GET", RULES).json()["items"]
    assert [(one["id"], one["unknown"]) for one in listed] == [(second["id"], []), (rule["id"], ["ann"])]
    path = f"{RULES}/{rule['id']}"
    problem_of(api.call("PATCH", path, {"note": "x"}, If_Match=first["ETag"]), 412)  # it stands elsewhere by now
    read = api.call("GET", path)
    assert api.call("GET", path, None, If_None_Match=read["ETag"]).status_code == 304
    moved = api.call("PATCH", path, {"position": 1, "transports": ["tcp"]}, If_Match=read["ETag"])
    assert (moved.json()["position"], moved.json()["transports"]) == (1, ["tcp"])
    assert api.call("DELETE", path, None, If_Match=moved["ETag"]).status_code == 204
    assert [one["position"] for one in api.call("GET", RULES).json()["items"]] == [1]
    problem_of(api.call("DELETE", path), 404)
    wrong = problem_of(api.call("POST", RULES, {"action": "allow", "target": "a*b*"}), 422)
    assert list(wrong["errors"]) == ["target"]


def test_the_tester_says_which_rule_decides(api: Caller, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("ann", scopes=["ssh:forward:*:*"])
    deny = api.call("POST", RULES, {"action": "deny", "target": "10.0.0.0/8"}).json()
    api.call("POST", RULES, {"action": "allow", "target": "*.lan"})
    asked = {"peer_id": "ann", "target": "db.lan:22", "addresses": ["192.0.2.1", "10.0.0.7"]}
    found = api.call("POST", "/forwarding/check", asked).json()
    assert (found["allowed"], found["rule"], found["addresses"]) == (False, deny, asked["addresses"])
    assert [step["step"] for step in found["steps"]] == ["caller", "scope", "rules"]
    wrong = problem_of(api.call("POST", "/forwarding/check", asked | {"target": "db"}), 422)
    assert list(wrong["errors"]) == ["target"]
