"""`alknet audit` against a real database, with a node that signs and without one."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from node.cli import audit_checks
from node.core.finding import Level
from node.private_file import new_private
from node.settings import load_settings
from tests.support.appliance import alknet, environment
from tests.support.vault_node import VaultNode

VERIFIER = Path(__file__).parents[3] / "docs" / "examples" / "audit" / "verify.py"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which a peer was added, changed, renamed and disabled: five rows, for a rename leaves two."""
    data = tmp_path_factory.mktemp("audit") / "data"
    for arguments in (
        ("peer", "add", "bob", "--scope", "a"),
        ("peer", "set", "bob", "--scope", "b"),
        ("peer", "rename", "bob", "robert"),
        ("peer", "disable", "robert"),
    ):
        assert alknet(*arguments, env=environment(ALKNET_DATA=str(data))).returncode == 0
    return data


@pytest.fixture
def command(data: Path) -> Command:
    def run(*arguments: str) -> tuple[int, str, str]:
        ran = alknet("audit", *arguments, env=environment(ALKNET_DATA=str(data)))
        return ran.returncode, ran.stdout, ran.stderr

    return run


def result(ran: tuple[int, str, str]) -> Any:
    assert ran[0] == 0, ran[2]
    return json.loads(ran[1])


def numbers(command: Command, *options: str) -> list[int]:
    return [entry["number"] for entry in result(command("list", "--json", *options))]


def test_the_list_is_filtered_and_paged(command: Command) -> None:
    entries = result(command("list", "--json"))
    assert [entry["number"] for entry in entries] == [5, 4, 3, 2, 1]
    assert (entries[4]["action"], entries[4]["after"]["scopes"]) == ("peer.added", ["a"])
    assert entries[0]["actor_kind"] == "cli"
    assert numbers(command, "--action", "peer.renamed") == [4, 3]
    assert numbers(command, "--kind", "peer", "--name", "bob", "--limit", "1") == [4]
    assert numbers(command, "--before", "3") == [2, 1]
    assert numbers(command, "--actor", entries[0]["actor_name"], "--until", "2000-01-01") == []
    status, shown, _ = command("list", "--since", "2000-01-01T00:00+01:00")
    assert status == 0
    assert [line.split()[0] for line in shown.splitlines()] == ["ROW", "5", "4", "3", "2", "1"]
    assert command("list", "--since", "yesterday")[0] == 1
    assert command("list", "--action", "x.y") == (0, "No change is like that.\n", "")


def test_a_log_without_checkpoints_holds_and_says_that_it_is_not_signed(command: Command) -> None:
    assert command("verify")[1] == "Rows 1 to 5 hold.\nNo checkpoint: alknet audit checkpoint\n"
    status, shown, said = command("checkpoint")
    assert (status, shown) == (1, "")
    assert "The node does not answer" in said


def test_an_export_is_whole_and_verified_elsewhere(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "audit.ndjson"
    assert command("export", str(file))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside it"
    assert [json.loads(line)["type"] for line in file.read_text().splitlines()] == ["audit", *["row"] * 5, "end"]
    assert command("export", "-")[1].splitlines()[1:] == file.read_text().splitlines()[1:]
    assert elsewhere(file) == (0, "5 rows hold; checkpoints: 0\n", "")
    status, _, said = command("export", str(file))
    assert (status, "is there already" in said) == (1, True)
    status, _, said = command("export", str(tmp_path / "nowhere" / "file"))
    assert (status, "cannot be written" in said) == (1, True)

    file.write_text(file.read_text().replace("robert", "mallory"))
    status, shown, said = elsewhere(file)
    assert (status, shown) == (1, "")
    assert said.startswith("BROKEN: row 3 is not what was written")


def elsewhere(file: Path, *keys: str) -> tuple[int, str, str]:
    """The verifier of the documents, as somebody without this project runs it."""
    command = [sys.executable, "-I", str(VERIFIER), str(file), *keys]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.returncode, done.stdout, done.stderr


def test_a_file_that_is_not_ended_well_is_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(ZeroDivisionError), new_private(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileExistsError), new_private(path) as file:
        path.write_text("another was first")
    assert path.read_text() == "another was first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_signed_log_that_is_tampered_with_is_found_out(command: Command, data: Path, tmp_path: Path) -> None:
    (data / "run").mkdir(exist_ok=True)
    node = VaultNode(data / "run" / "node.sock")
    try:
        node.tell("lock")
        status, _, said = command("checkpoint")
        assert (status, "The vault is locked" in said) == (1, True)
        node.tell("unlock")
        made = result(command("checkpoint", "--json"))
    finally:
        node.end()
    assert made["number"] == 5
    assert command("verify", "--key", made["fingerprint"])[0] == 0
    status, shown, _ = command("verify", "--key", "ed25519:" + "0" * 64)
    assert (status, "Another key has signed it" in shown) == (1, True)
    file = tmp_path / "signed.ndjson"
    assert command("export", str(file))[0] == 0
    assert elsewhere(file, made["fingerprint"])[0] == 0
    assert elsewhere(file, "ed25519:" + "0" * 64)[0] == 1

    settings = load_settings(data=data).settings
    assert audit_checks.audit(settings).level is Level.FINE
    with closing(sqlite3.connect(data / "alknet.db")) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute("DELETE FROM audit_auditentry")
        connection.execute("DROP TRIGGER alknet_audit_audit_auditentry_delete")
        connection.execute("DELETE FROM audit_auditentry WHERE id = 5")
        connection.commit()
    finding = audit_checks.audit(settings)
    assert (finding.level, "alknet audit verify" in finding.text) == (Level.WARNING, True)

    status, shown, said = command("verify")
    assert status == 1
    assert "BROKEN at row 5: truncated" in shown
    assert audit_checks.audit(settings).level is Level.FINE, "whoever comes next makes the triggers again"
    found = json.loads(command("verify", "--json")[1])
    assert (found["holds"], found["rows"], found["broken"]["fault"]) == (False, 4, "truncated")
    now = tmp_path / "now.ndjson"
    assert command("export", str(now))[0] == 0
    assert elsewhere(now)[0] == 1

    # An older backup has no later checkpoint either; what was kept elsewhere has.
    with closing(sqlite3.connect(data / "alknet.db")) as connection:
        connection.execute("DROP TRIGGER alknet_audit_audit_checkpoint_delete")
        connection.execute("DELETE FROM audit_checkpoint")
        connection.commit()
    assert command("verify")[0] == 0
    status, shown, _ = command("verify", "--export", str(file))
    assert (status, "BROKEN at row 5: truncated" in shown) == (1, True)
    now.unlink()
    assert command("export", str(now))[0] == 0
    assert elsewhere(now)[0] == elsewhere(file, str(now))[0] == 0
    status, _, said = elsewhere(now, str(file))
    assert (status, "other rows in it, or more" in said) == (1, True)
    assert alknet("peer", "set", "robert", "--scope", "c", env=environment(ALKNET_DATA=str(data))).returncode == 0
    assert command("verify", "--export", str(now))[0] == 0
    status, shown, _ = command("verify", "--export", str(now), "--export", str(file))
    assert (status, "BROKEN at row 5: rewritten" in shown) == (1, True)


@pytest.mark.parametrize("text", [None, "", "[", '{"type": "row"}', '{"type": "end", "rows": -1, "hash": "x"}'])
def test_what_is_no_export_is_not_taken_for_one(command: Command, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "kept.ndjson"
    if text is not None:
        file.write_text(text)
    status, shown, said = command("verify", "--export", str(file))
    assert status != 0
    assert (shown, said.startswith("alknet: "), "Traceback" in said) == ("", True, False)


def test_the_verifier_of_the_documents_says_how_it_is_used_and_what_it_cannot_read(tmp_path: Path) -> None:
    used = subprocess.run([sys.executable, "-I", str(VERIFIER)], capture_output=True, text=True, check=False)
    assert (used.returncode, "python verify.py EXPORT" in used.stderr) == (1, True)
    assert elsewhere(tmp_path / "none") == (1, "", f"BROKEN: No such file or directory ({tmp_path / 'none'})\n")


def test_doctor_tells_of_a_log_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path).settings
    assert audit_checks.audit(settings).level is Level.FINE
    settings.paths.database.write_text("not a database, but long enough to be looked at as if it were one" * 20)
    assert audit_checks.audit(settings).level is Level.WARNING
    settings.paths.database.unlink()
    with closing(sqlite3.connect(settings.paths.database)) as connection:
        connection.execute("CREATE TABLE peers (peer_id TEXT)")
    assert audit_checks.audit(settings).level is Level.FINE
