"""The access tester through each of its doors."""

import json
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from apps.audit.models import AuditEntry
from apps.locks import services as locks
from node.core.peers import PeerEntry
from tests.support.panel import ALICE

AddPeer = Callable[..., PeerEntry]
ASKED = {"who": "ci", "alpn": "alknet/call", "scopes": "git:read", "resource_type": "repo", "resource": "web"}


@pytest.fixture
def ci(add_peer: AddPeer) -> PeerEntry:
    return add_peer("ci", scopes=["git:read"], resources={"repo": ["web"]})


def page(panel: Client, **asked: str) -> str:
    answer = panel.get("/access/", asked)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_names_the_rule_that_decides(panel: Client, ci: PeerEntry) -> None:
    assert "Allowed" not in page(panel)
    before = AuditEntry.objects.count()
    assert '<strong class="text-important">Allowed</strong>, by the rule “granted”' in page(panel, **ASKED)
    assert "Refused</strong>, by the rule “resource”" in page(panel, **ASKED | {"resource": "docs"})
    assert "Refused</strong>, by the rule “scope”" in page(panel, **ASKED | {"scopes": "git:read, git:write"})
    assert "this key names the peer “ci”" in page(panel, **ASKED | {"who": ci.fingerprints[0]})
    assert "by the rule “unknown”" in page(panel, **ASKED | {"who": "nobody"})
    assert "by the rule “anonymous”" in page(panel, **ASKED | {"who": ""})
    assert "Of which kind is this resource?" in page(panel, who="ci", resource="web")
    assert AuditEntry.objects.count() == before
    locks.lock(actor=ALICE, target_kind="scope", target="git:read", reason="", message="a leak")
    assert "locked: a leak" in page(panel, **ASKED)
    assert "Refused</strong>, by the rule “lock”" in page(panel, **ASKED)


def test_the_command_answers_in_json(db: None, ci: PeerEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(**values: Any) -> dict[str, Any]:
        body = {"action": "check", "actor": "cli:ann", "values": values}
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(json.dumps(body).encode())))
        out = StringIO()
        with suppress(SystemExit):
            call_command("access", stdout=out)
        answer: dict[str, Any] = json.loads(out.getvalue())
        return answer

    assert ask(who="ci", scopes=["git:read"])["result"]["allowed"] is True
    assert ask(who="ci", scopes=["git:write"])["result"]["rule"] == "scope"
    assert "scopes" in ask(who="ci", scopes=["a b"])["fields"]
    assert "scope" in ask(who="ci", scope="a")["fields"]
