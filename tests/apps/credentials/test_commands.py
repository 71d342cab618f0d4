"""The JSON command `credentials`: contents go in on stdin only, and come out of nothing."""

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.credentials import selectors
from tests.support import warm
from tests.support.appliance import environment
from tests.support.credentials import insert, stored
from tests.support.panel import audit
from tests.support.vault_node import VaultNode, opened

MANAGE = Path(__file__).parents[3] / "manage.py"
CANARY = "sk-canary-7f3a91"
Ask = Callable[..., tuple[list[Any], int]]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The command in this process: an action in, its lines out, and the status that it ends with."""

    def call(action: str, **values: Any) -> tuple[list[Any], int]:
        raw = json.dumps({"action": action, "actor": "alice", "values": values}).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        out, status = io.StringIO(), 0
        try:
            call_command("credentials", stdout=out)
        except SystemExit as ended:
            status = int(str(ended.code))
        assert CANARY not in out.getvalue()
        return [json.loads(line) for line in out.getvalue().splitlines()], status

    return call


def result(answer: tuple[list[Any], int]) -> Any:
    assert (answer[0][-1]["ok"], answer[1]) == (True, 0), answer
    return answer[0][-1]["result"]


def test_the_life_of_a_credential(ask: Ask, node: VaultNode) -> None:
    shown = result(ask("set", provider="openai", content=f"{CANARY}\n"))
    blob = selectors.find_blob("openai")
    assert blob is not None
    assert opened(blob) == f"{CANARY}\n", "what is stripped is the caller's to decide"
    assert shown.keys() == {"provider", "key_version", "changed_at", "changed_by"}
    assert (shown["provider"], shown["key_version"], shown["changed_by"]) == ("openai", 2, "alice (shell)")
    assert shown["changed_at"].endswith("+00:00")
    assert result(ask("list")) == [shown]

    lines, _ = ask("rotate", provider="openai")
    assert lines == [
        {"progress": {"provider": "openai", "outcome": "rotated", "number": 1, "of": 1}},
        {"ok": True, "result": {"to": 3, "rotated": 1, "there": 0, "failed": 0}},
    ]
    assert result(ask("rotate", to=3)) == {"to": 3, "rotated": 0, "there": 1, "failed": 0}
    assert result(ask("remove", provider="openai"))["key_version"] == 3
    assert result(ask("list")) == []
    assert [what for _, what, _ in audit()] == [f"credential.{name}" for name in ("added", "rotated", "removed")]


def test_progress_tells_of_each_and_of_what_failed(ask: Ask, node: VaultNode) -> None:
    insert("foreign")
    ask("set", provider="ours", content=CANARY)
    lines, status = ask("rotate")

    assert [line["progress"]["outcome"] for line in lines[:-1]] == ["failed", "rotated"]
    assert "reason" in lines[0]["progress"]
    assert (lines[-1]["result"], status) == ({"to": 3, "rotated": 1, "there": 0, "failed": 1}, 0)


def test_a_vault_that_is_locked_is_one_sentence(ask: Ask, node: VaultNode) -> None:
    insert("a")
    before = stored()
    node.tell("lock")
    for action, values in (("set", {"provider": "a", "content": CANARY}), ("rotate", {})):
        lines, status = ask(action, **values)
        assert (lines[-1]["ok"], status) == (False, 1)
        assert "alknet vault unlock" in lines[-1]["error"]
    assert (stored(), audit()) == (before, [])


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("set", {"provider": "x"}, ["content"]),
    ("set", {"provider": "x", "content": 7}, ["content"]),
    ("set", {"provider": "x", "content": ""}, ["content"]),
    ("set", {"provider": "x", "content": "a" * 70_000}, ["content"]),
    ("set", {"content": CANARY}, ["provider"]),
    ("set", {"provider": " x", "content": CANARY}, ["provider"]),
    ("set", {"provider": "x", "contents": CANARY}, ["values"]),
    ("set", {"provider": "x", "content": CANARY, CANARY: 1}, ["values"]),
    ("rotate", {"provider": 7}, ["provider"]),
    ("rotate", {"to": "3"}, ["to"]),
    ("rotate", {"to": True}, ["to"]),
    ("rotate", {"to": 1}, ["to"]),
    ("rotate", {"provider": "ghost"}, []),
    ("remove", {"provider": "ghost"}, []),
    ("remove", {}, ["provider"]),
    ("open", {"provider": "taken"}, ["action"]),
    ("show", {"provider": "taken"}, ["action"]),
]


@pytest.mark.parametrize(("action", "values", "fields"), REFUSED)
def test_a_refusal_names_its_fields_and_writes_nothing(
    ask: Ask, node: VaultNode, action: str, values: dict[str, Any], fields: list[str]
) -> None:
    insert("taken")
    before = stored()
    lines, status = ask(action, **values)

    assert (lines[-1]["ok"], bool(lines[-1]["error"]), status) == (False, True, 1)
    assert list(lines[-1]["fields"]) == fields
    assert (stored(), audit()) == (before, [])


def run(data: Path, action: str, **values: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [warm.python(), MANAGE, "credentials"],
        input=json.dumps({"action": action, "actor": "alice", "values": values}),
        env=environment(ALKNET_DATA=str(data)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_as_a_process_before_the_appliance_has_ever_run(tmp_path: Path) -> None:
    listed = run(tmp_path / "new", "list")
    assert (listed.returncode, listed.stderr, listed.stdout) == (0, "", '{"ok": true, "result": []}\n')
    refused = run(tmp_path / "new", "set", provider="x", content=CANARY)
    assert (refused.returncode, refused.stderr) == (1, "")
    assert "alknet up" in refused.stdout
    assert CANARY not in refused.stdout


def test_a_database_of_before_there_were_credentials_is_brought_up_to_date(tmp_path: Path) -> None:
    data = tmp_path / "old"
    run(data, "list")
    with closing(sqlite3.connect(data / "alknet.db")) as connection, connection:
        connection.execute("DROP TABLE credentials")
        connection.execute("DELETE FROM django_migrations WHERE app = 'credentials'")

    assert run(data, "list").stdout == '{"ok": true, "result": []}\n'
    with closing(sqlite3.connect(data / "alknet.db")) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    assert {f"alknet_notify_credentials_{kind}" for kind in ("insert", "update", "delete", "rename")} <= names
