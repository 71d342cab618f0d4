"""The JSON commands, as the `alknet` command runs them: a real process, one object in, one object out."""

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.peers.models import ApiKey, Peer
from node.core.fingerprint import spellings
from node.core.tokens import hash_token
from tests.support import warm
from tests.support.panel import audit, fingerprint, rows, ssh_line

MANAGE = Path(__file__).parents[3] / "manage.py"
Ask = Callable[[str, str | bytes], tuple[Any, int]]


def environment(data: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ALKNET_", "DJANGO_"))}
    return clean | {"ALKNET_DATA": str(data)}


@pytest.fixture
def ask(db: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A command in this process: text in, its answer out, and the status that it ends with."""

    def call(command: str, text: str | bytes) -> tuple[Any, int]:
        raw = text.encode() if isinstance(text, str) else text
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        out, status = io.StringIO(), 0
        try:
            call_command(command, stdout=out)
        except SystemExit as ended:
            status = int(str(ended.code))
        return json.loads(out.getvalue()), status

    return call


@pytest.fixture
def do(ask: Ask) -> Callable[..., Any]:
    """The result of an action that must succeed."""

    def call(command: str, action: str, **values: Any) -> Any:
        answer, status = ask(command, json.dumps({"action": action, "actor": "alice", "values": values}))
        assert (answer["ok"], status) == (True, 0), answer
        return answer["result"]

    return call


def sql(data: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / "alknet.db")) as connection:
        return connection.execute(statement).fetchall()


def test_the_life_of_a_peer(do: Callable[..., Any]) -> None:
    shown = do("peers", "add", peer_id="laptop", keys=[ssh_line(1)], scopes=["a"], resources={"r": ["x"]}, token=True)
    token = shown.pop("token")
    assert shown == {
        "peer_id": "laptop",
        "fingerprints": [fingerprint(1)],
        "keys": [asdict(spellings(fingerprint(1)))],
        "scopes": ["a"],
        "resources": {"r": ["x"]},
        "display_name": None,
        "enabled": True,
        "has_token": True,
        "expires_at": None,
        "key_expires_at": {},
        "notes": "",
    }
    assert rows()["laptop"]["auth_token_hash"] == hash_token(token)
    told = do("peers", "show", peer_id="laptop")
    assert (told.pop("presence")["connected"], told.pop("locks")) == (0, [])
    assert told == shown

    assert do("peers", "disable", peer_id="laptop")["enabled"] is False
    assert [peer["peer_id"] for peer in do("peers", "list", enabled=False)] == ["laptop"]
    assert do("peers", "list", enabled=True) == []
    assert do("peers", "enable", peer_id="laptop")["enabled"] is True
    changed = do("peers", "set", peer_id="laptop", scopes=["b"], display_name="Alice", token=False)
    assert (changed["scopes"], changed["display_name"], changed["has_token"]) == (["b"], "Alice", False)
    assert changed["fingerprints"] == [fingerprint(1)], "what is not named stays"
    assert do("peers", "rename", peer_id="laptop", new_peer_id="desktop")["peer_id"] == "desktop"
    assert [peer["peer_id"] for peer in do("peers", "list", search="alice")] == ["desktop"]
    assert do("peers", "remove", peer_id="desktop")["peer_id"] == "desktop"
    assert do("peers", "list") == []
    actions = ["added", "token_issued", "disabled", "enabled", "changed", "token_cleared"]
    actions += ["renamed", "renamed", "removed"]  # a rename is told under both names
    assert [(who, what) for who, what, _ in audit()] == [("alice", f"peer.{name}") for name in actions]


def test_the_life_of_an_api_key(do: Callable[..., Any]) -> None:
    added = do("api_keys", "add", description="backup", scopes=["a"], expires_at=2_000_000_000)
    key = added.pop("key")

    assert ApiKey.objects.get().hash == hash_token(key)
    assert added == {"prefix": key[:8], "description": "backup", "scopes": ["a"], "expires_at": 2_000_000_000}
    assert do("api_keys", "list") == [added]
    assert do("api_keys", "remove", prefix=added["prefix"]) == added
    assert do("api_keys", "list") == []


def test_a_key_that_is_none_breaks_no_command(do: Callable[..., Any], add_peer: Callable[..., Any]) -> None:
    add_peer("laptop")
    Peer.objects.update(fingerprints=["ed25519:zz"])

    assert [peer["keys"] for peer in do("peers", "list")] == [[]]
    assert do("peers", "show", peer_id="laptop")["fingerprints"] == []
    assert do("peers", "disable", peer_id="laptop")["enabled"] is False
    assert do("peers", "remove", peer_id="laptop")["peer_id"] == "laptop"


REFUSED: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("peers", "add", {"peer_id": "taken"}, ["peer_id"]),
    ("peers", "add", {"peer_id": ""}, ["peer_id"]),
    ("peers", "add", {}, ["peer_id"]),
    ("peers", "add", {"peer_id": "x", "keys": ["nonsense"]}, ["keys"]),
    ("peers", "add", {"peer_id": "x", "keys": [fingerprint("taken")]}, ["keys"]),
    ("peers", "add", {"peer_id": "x", "scopes": ["a b"], "resources": []}, ["scopes", "resources"]),
    ("peers", "add", {"peer_id": "x", "scopes": [f"s{n}" for n in range(10_000)]}, ["scopes"]),
    ("peers", "add", {"peer_id": "x", "colour": "red"}, ["colour"]),
    ("peers", "add", {"peer_id": "x", "token": "yes"}, ["token"]),
    ("peers", "add", {"peer_id": "x", "token": True, "enabled": "yes"}, ["enabled"]),
    ("peers", "set", {"peer_id": "taken", "scopes": [""]}, ["scopes"]),
    ("peers", "rename", {"peer_id": "taken", "new_peer_id": ""}, ["new_peer_id"]),
    ("peers", "rename", {"peer_id": "taken"}, ["new_peer_id"]),
    ("peers", "list", {"search": 7}, ["search"]),
    ("peers", "list", {"enabled": 7}, ["enabled"]),
    ("peers", "show", {"peer_id": "ghost"}, []),
    ("peers", "disable", {"peer_id": "ghost"}, []),
    ("peers", "remove", {"peer_id": 7}, ["peer_id"]),
    ("peers", "frobnicate", {}, ["action"]),
    ("api_keys", "add", {"scopes": ["a b"]}, ["scopes"]),
    ("api_keys", "add", {"expires_at": "soon"}, ["expires_at"]),
    ("api_keys", "add", {"expires_at": 2**70}, ["expires_at"]),
    ("api_keys", "add", {"colour": "red"}, ["colour"]),
    ("api_keys", "remove", {"prefix": "alk_none"}, []),
    ("api_keys", "remove", {}, ["prefix"]),
]


@pytest.mark.parametrize(("command", "action", "values", "fields"), REFUSED)
def test_a_refusal_names_its_fields_and_writes_nothing(
    ask: Ask, add_peer: Callable[..., Any], command: str, action: str, values: dict[str, Any], fields: list[str]
) -> None:
    add_peer("taken")
    before, entries = rows(), audit()
    answer, status = ask(command, json.dumps({"action": action, "actor": "alice", "values": values}))

    assert (answer["ok"], bool(answer["error"]), status) == (False, True, 1)
    assert list(answer["fields"]) == fields
    assert (rows(), audit()) == (before, entries)


NONSENSE = ["", "nonsense", "[]", "7", "{}", '{"action": "add"}', b"\xff\xfe", "[" * 100_000, '{"action": []}']


@pytest.mark.parametrize("text", [*NONSENSE, '{"action": "list", "actor": "a", "values": []}'])
def test_hostile_input_is_one_clear_error(ask: Ask, text: str | bytes) -> None:
    answer, status = ask("peers", text)

    assert (answer["ok"], bool(answer["error"]), status) == (False, True, 1)


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("show", {"peer_id": "\udcff"}),
        ("remove", {"peer_id": "\udcff"}),
        ("list", {"search": "\udcff"}),
        ("add", {"peer_id": "a", "resources": {"\udcff": ["x"]}}),
        ("\udcff", {}),
    ],
)
def test_what_is_no_text_is_a_bad_request(ask: Ask, action: str, values: dict[str, Any]) -> None:
    answer, status = ask("peers", json.dumps({"action": action, "actor": "alice", "values": values}))

    assert (answer["ok"], list(answer["fields"]), status) == (False, ["input"], 1)
    assert "UTF-8" in answer["error"]


def run(data: Path, request: str, *, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """`manage.py peers` as a process of its own."""
    return subprocess.run(
        [warm.python(), MANAGE, "peers"],
        input=request,
        env=environment(data) | more,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_as_a_process_before_the_appliance_has_ever_run(tmp_path: Path) -> None:
    """It makes the database, says one line on stdout and nothing on stderr, and ends with the status."""
    data = tmp_path / "new"
    added = run(data, json.dumps({"action": "add", "actor": "alice", "values": {"peer_id": "laptop"}}))
    refused = run(data, "nonsense")

    assert (added.returncode, added.stderr, added.stdout.count("\n")) == (0, "", 1)
    assert json.loads(added.stdout)["result"]["peer_id"] == "laptop"
    assert (refused.returncode, refused.stderr) == (1, "")
    assert json.loads(refused.stdout)["fields"].keys() == {"input"}
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "alknet.db").stat().st_mode & 0o777 == 0o600
    assert [json.loads(row[0])["id"] for row in sql(data, "SELECT payload FROM _honker_notifications")] == ["laptop"]


def test_a_module_that_lies_where_the_command_is_given_does_not_run(tmp_path: Path) -> None:
    for name in ("honker", "json", "django"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger ran')")
    listed = run(tmp_path / "data", json.dumps({"action": "list", "actor": "alice"}), cwd=tmp_path)

    assert (listed.returncode, listed.stderr) == (0, "")


def test_an_output_that_knows_ascii_only_gets_the_whole_answer(tmp_path: Path) -> None:
    request = {"action": "add", "actor": "alice", "values": {"peer_id": "køkken"}}
    added = run(tmp_path / "data", json.dumps(request), PYTHONIOENCODING="ascii")

    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["result"]["peer_id"] == "køkken"


@pytest.mark.parametrize("left", ["", "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app, name, applied)"])
def test_a_database_whose_making_was_cut_short_is_made_whole(tmp_path: Path, left: str) -> None:
    (tmp_path / "alknet.db").touch()
    sql(tmp_path, left)
    added = run(tmp_path, json.dumps({"action": "add", "actor": "alice", "values": {"peer_id": "laptop"}}))

    assert (added.returncode, added.stderr) == (0, "")
    assert [json.loads(row[0])["id"] for row in sql(tmp_path, "SELECT payload FROM _honker_notifications")] == [
        "laptop"
    ]


def test_the_command_never_imports_the_panel(tmp_path: Path) -> None:
    program = (
        "import io, sys, runpy; sys.argv = ['manage.py', 'peers'];"
        'sys.stdin = io.TextIOWrapper(io.BytesIO(b\'{"action": "list", "actor": "a"}\'))\n'
        f"try: runpy.run_path({str(MANAGE)!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith(('unfold', 'django.contrib.admin.', 'uvicorn'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path / "data") | {"PYTHONPATH": str(MANAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[0]) == {"ok": True, "result": []}
    assert done.stdout.splitlines()[-1] == "[]"
