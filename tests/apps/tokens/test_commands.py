"""`manage.py api_tokens`: one object in, one object out."""

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from apps.tokens.authentication import Authenticated, authenticate
from tests.support.panel import audit

Ask = Callable[..., Any]


@pytest.fixture
def ask(db: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The answer to one action."""

    def call(action: str, **values: Any) -> Any:
        raw = json.dumps({"action": action, "actor": "cli:alice", "values": values}).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        out = io.StringIO()
        try:
            call_command("api_tokens", stdout=out)
        except SystemExit:
            pass
        return json.loads(out.getvalue())

    return call


def test_a_token_is_made_listed_and_revoked(ask: Ask) -> None:
    made = ask("create", name="ci", rights=["peers:write"], networks=["127.0.0.0/8"])["result"]
    assert isinstance(authenticate(made["token"], "127.0.0.1"), Authenticated)
    (listed,) = ask("list")["result"]
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert ask("revoke", id=made["id"])["ok"]
    assert ask("list")["result"] == []
    assert [(who, action) for who, action, _ in audit()] == [
        ("cli:alice", "token.created"),
        ("cli:alice", "token.revoked"),
    ]


@pytest.mark.parametrize(
    ("action", "values", "fields"),
    [
        ("create", {"name": "ci"}, ["rights"]),
        ("create", {"name": 5, "rights": "peers:read"}, ["name", "rights"]),
        ("create", {"name": "ci", "rights": [5], "networks": "x", "owner": 7}, ["networks", "owner", "rights"]),
        ("create", {"name": "ci", "rights": ["peers:read"], "expires_at": "soon"}, ["expires_at"]),
        ("create", {"secret": "x"}, ["secret"]),
        ("revoke", {}, ["id"]),
        ("revoke", {"id": "none"}, []),
    ],
)
def test_what_is_wrong_is_told_by_field(ask: Ask, action: str, values: dict[str, Any], fields: list[str]) -> None:
    answer = ask(action, **values)
    assert (answer["ok"], sorted(answer["fields"])) == (False, fields)
    assert audit() == []
