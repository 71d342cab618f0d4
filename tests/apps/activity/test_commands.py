"""`manage.py activity`, and what `manage.py peers` tells of who is connected."""

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from apps.activity import services
from node.core.peers import PeerEntry
from tests.support.journal_records import Story

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run one action of a management command; its result, or the fields that it complains of."""

    def run(command: str, action: str, **values: Any) -> Any:
        request = json.dumps({"action": action, "actor": "cli:test", "values": values}).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(request)))
        said = io.StringIO()
        try:
            call_command(command, stdout=said)
        except SystemExit:
            return json.loads(said.getvalue())["fields"]
        return json.loads(said.getvalue())["result"]

    return run


def take() -> None:
    story = Story()
    records = [story.connected(1, "laptop"), story.tell("teleported", 1, "laptop", reason="a new kind")]
    services.import_batch("j", [*records, story.closed(1, "laptop")], oldest=1)


def test_events_are_listed_by_their_filters(ask: Callable[..., Any]) -> None:
    take()
    assert [event["kind"] for event in ask("activity", "list")] == ["closed", "teleported", "connected"]
    (found,) = ask("activity", "list", kinds=["teleported"], peer_id="laptop", since="2020-01-01T00:00:00Z")
    assert (found["at"], found["reason"], found["connection"]) == ("2025-11-27T12:00:02.000Z", "a new kind", 1)
    assert found["told"] == "a new kind"
    assert ask("activity", "list", before=found["id"], limit=1)[0]["kind"] == "connected"
    assert ask("activity", "list", peer_id="x' OR 1=1 --") == []


@pytest.mark.parametrize(
    "values",
    [
        {"kinds": "closed"},
        {"kinds": [1]},
        {"peer_id": 5},
        {"connection": "1"},
        {"connection": True},
        {"before": 2**63},
        {"since": "yesterday"},
        {"since": "2020-01-01"},
        {"until": 5},
        {"colour": "red"},
    ],
)
def test_what_is_no_filter_is_refused_by_its_name(ask: Callable[..., Any], values: dict[str, Any]) -> None:
    assert list(ask("activity", "list", **values)) == list(values)


def test_peers_are_listed_with_their_presence(ask: Callable[..., Any], add_peer: Callable[..., PeerEntry]) -> None:
    for peer_id in ("laptop", "phone"):
        add_peer(peer_id)
    take()
    laptop, phone = ask("peers", "list")
    assert laptop["presence"] == {
        "connected": 0,
        "protocols": [],
        "last_seen": "2025-11-27T12:00:03.000Z",
        "last_address": "192.0.2.1:4000",
        "last_protocol": "alknet/call",
    }
    assert phone["presence"]["last_seen"] is None
    assert ask("peers", "show", peer_id="laptop")["presence"] == laptop["presence"]
