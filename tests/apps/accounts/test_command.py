"""`manage.py users`, by which `alknet user` works, and that command itself."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from typer.testing import CliRunner

from apps.accounts.rights import Role
from node.cli.user import app
from tests.support.accounts import add_user
from tests.support.panel import audit
from tests.support.signing_in import sign_in, with_app

PASSWORD = "correct horse battery"
Do = Callable[..., Any]


@pytest.fixture
def do(db: None, monkeypatch: pytest.MonkeyPatch) -> Do:
    """The whole answer to an action."""

    def call(action: str, **values: Any) -> Any:
        text = json.dumps({"action": action, "actor": "cli:root", "values": values})
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        out = io.StringIO()
        try:
            call_command("users", stdout=out)
        except SystemExit:
            pass
        return json.loads(out.getvalue())

    return call


def test_a_user_from_beginning_to_end(do: Do) -> None:
    add_user(Role.OWNER)
    assert do("add", username="bob", role="viewer", password=PASSWORD)["result"]["role"] == "viewer"
    assert do("role", username="bob", role="operator")["result"]["role"] == "operator"
    assert do("disable", username="bob")["result"]["enabled"] is False
    assert do("enable", username="bob")["result"]["enabled"] is True
    do("password", username="bob", password=PASSWORD * 2)
    assert Client().login(username="bob", password=PASSWORD * 2)
    with_app(User.objects.get(username="bob"))
    assert do("reset_mfa", username="bob")["result"]["second_factors"] == 1
    browser = Client()
    sign_in(browser, "bob", PASSWORD * 2)
    assert do("end_sessions", username="bob")["result"]["sessions"] == 1
    assert browser.get("/").status_code == 302
    told = do("list")["result"]
    assert [(user["username"], user["role"], bool(user["last_login"])) for user in told] == [
        ("bob", "operator", True),
        ("owner", "owner", False),
    ]
    assert do("remove", username="bob")["result"]["username"] == "bob"
    between = ["user.second_factor_added", "user.second_factors_reset", "user.signed_in", "user.sessions_ended"]
    assert [action for _, action, _ in audit()] == ["user.added", *["user.changed"] * 4, *between, "user.removed"]


@pytest.mark.parametrize(
    ("action", "values", "part"),
    [
        ("role", {"username": "owner", "role": "viewer"}, "last owner"),
        ("disable", {"username": "owner"}, "last owner"),
        ("remove", {"username": "owner"}, "last owner"),
        ("role", {"username": "eve", "role": "viewer"}, "no user eve"),
        ("role", {"username": "owner", "role": "king"}, "One of: owner"),
        ("add", {"username": "bob", "role": "viewer", "password": "12345678"}, "password"),
        ("add", {"username": "bob", "role": "viewer"}, "password"),
        ("enable", {}, "username"),
    ],
)
def test_what_is_refused_says_why_and_writes_nothing(do: Do, action: str, values: dict[str, Any], part: str) -> None:
    add_user(Role.OWNER)
    answer = do(action, **values)
    assert not answer["ok"]
    assert part in answer["error"]
    assert audit() == []


def test_the_command_and_its_real_process(tmp_path: Path) -> None:
    """A data directory that has never run gets its first owner by a shell; no secret is an argument."""
    word = tmp_path / "word"
    word.write_text(PASSWORD + "\n")

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "data")])

    (tmp_path / "data").mkdir(mode=0o700)
    assert run("add", "ann", "owner", "--password-file", str(word)).output == "Added ann, owner.\n"
    assert json.loads(run("list", "--json").output)[0]["username"] == "ann"
    refused = run("role", "ann", "viewer")
    assert (refused.exit_code, "last owner" in refused.output) == (1, True)
    assert run("add", "bob", "king").exit_code == 2
