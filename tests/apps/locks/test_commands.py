"""`manage.py locks`: what it refuses."""

import io
import json
import sys
import time
from typing import Any

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def ask(monkeypatch: pytest.MonkeyPatch, action: str, **values: Any) -> Any:
    body = json.dumps({"action": action, "actor": "alice", "values": values}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    out = io.StringIO()
    try:
        call_command("locks", stdout=out)
    except SystemExit:
        return json.loads(out.getvalue())["fields"]
    return json.loads(out.getvalue())["result"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"target_kind": "scope", "target": 7}, "target"),
        ({"target_kind": "scope", "target": "a", "seconds": 0}, "seconds"),
        ({"target_kind": "scope", "target": "a", "seconds": True}, "seconds"),
        ({"target_kind": "scope", "target": "a", "seconds": 5, "expires_at": time.time() + 9}, "seconds"),
        ({"target_kind": "scope", "target": "a", "seconds": 1e300}, "expires_at"),
        ({"target_kind": "scope", "target": "a", "expires_at": "soon"}, "expires_at"),
        ({"target_kind": "scope", "target": "a", "forever": True}, "forever"),
        ({"target_kind": ["peer"], "target": "a"}, "target_kind"),
    ],
)
def test_a_wrong_wish_names_its_field(monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], field: str) -> None:
    assert list(ask(monkeypatch, "lock", **values)) == [field]
    assert ask(monkeypatch, "list") == []


def test_unlock_needs_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(ask(monkeypatch, "unlock")) == ["id"]
    assert list(ask(monkeypatch, "unlock", id=7)) == ["id"]


def test_what_has_ended_goes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, "lock", target_kind="scope", target="a", seconds=60)
    ask(monkeypatch, "lock", target_kind="scope", target="b")
    assert ask(monkeypatch, "tidy") == {"removed": 0}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert ask(monkeypatch, "tidy") == {"removed": 1}
