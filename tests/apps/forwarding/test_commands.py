"""`manage.py forwarding`, the door of `alknet forwarding`."""

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from node.core.peers import PeerEntry

Ask = Callable[..., Any]


@pytest.fixture
def ask(db: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The result of an action or, where it is refused, its fields."""

    def run(action: str, /, **values: Any) -> Any:
        body = json.dumps({"action": action, "actor": "alice", "values": values}).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
        out = io.StringIO()
        try:
            call_command("forwarding", stdout=out)
        except SystemExit:
            return json.loads(out.getvalue())["fields"]
        return json.loads(out.getvalue())["result"]

    return run


def test_rules_are_added_changed_listed_and_removed(ask: Ask, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("ann", scopes=["ssh:forward:*:*"])
    first = ask("add", action="allow", target="10.0.0.0/8", principals=["ann"])
    second = ask("add", action="deny", target="10.0.0.7", position=1)
    assert [rule["target"] for rule in ask("list")] == ["10.0.0.7", "10.0.0.0/8"]
    found = ask("check", peer_id="ann", target="10.0.0.7:22")
    assert (found["allowed"], found["rule"]["id"]) == (False, second["id"])
    assert ask("change", id=first["id"][:8], position=1)["position"] == 1
    assert ask("check", peer_id="ann", target="10.0.0.7:22")["allowed"]
    assert ask("remove", id=first["id"][:8]) == {"removed": 1}
    assert ask("remove", id=first["id"]) == {}  # refused, and no field is wrong


@pytest.mark.parametrize(
    ("action", "values", "field"),
    [
        ("add", {}, "target"),
        ("add", {"action": "allow", "target": 7}, "target"),
        ("add", {"action": "allow", "target": "x", "position": "1"}, "position"),
        ("add", {"action": "allow", "target": "x", "forever": True}, "forever"),
        ("add", {"action": ["allow"], "target": "x"}, "action"),
        ("add", {"action": "allow", "target": "x", "principals": {"a": 1}}, "principals"),
        ("change", {"position": 1}, "id"),
        ("remove", {"id": 7}, "id"),
        ("check", {"peer_id": 7}, "peer_id"),
        ("check", {"peer_id": "ann", "target": "x"}, "target"),
    ],
)
def test_a_wrong_wish_names_its_field(ask: Ask, action: str, values: dict[str, Any], field: str) -> None:
    assert field in ask(action, **values)
    assert ask("list") == []
