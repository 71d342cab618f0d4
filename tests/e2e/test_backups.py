"""Backups of a running appliance: under load, sealed, from the panel; and the same box on another machine."""

import hashlib
import json
import multiprocessing
import re
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from tests.support.appliance import Appliance, alknet, environment, running_appliance
from tests.support.boxes import credentials_of, open_box
from tests.support.panel_session import PanelSession
from tests.support.waiting import until

WRITERS = 4
BEFORE = 2_000
"""Changes that are acknowledged before the backup begins."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    place = tmp_path_factory.mktemp("box")
    variables = {"ALKNET_BACKUP__DIRECTORY": str(place / "backups"), "ALKNET_BACKUP__ENCRYPT": "true"}
    with running_appliance(place / "data", **variables) as appliance:
        given = environment(ALKNET_DATA=str(appliance.data))
        assert alknet("credential", "set", "openai", env=given, given="a secret").returncode == 0
        yield appliance


def write(database: Path, writer: int, told: Any, stop: Event) -> None:
    """Commit peers one after another, telling each once it is acknowledged."""
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        number = 0
        while not stop.is_set():
            connection.execute(
                "INSERT INTO peers (peer_id, fingerprints, scopes, resources, enabled) VALUES (?, '[]', '[]', '{}', 1)",
                [f"load-{writer}-{number}"],
            )
            number += 1
            told.value = number


def test_a_backup_under_load_holds_all_that_was_acknowledged_before_it_began(box: Appliance, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    stop, counts = context.Event(), [context.Value("l", 0) for _ in range(WRITERS)]
    writers = [
        context.Process(target=write, args=(box.data / "alknet.db", number, count, stop))
        for number, count in enumerate(counts)
    ]
    for writer in writers:
        writer.start()
    try:
        until(lambda: sum(count.value for count in counts) >= BEFORE, "the load")
        before = [count.value for count in counts]
        file = tmp_path / "loaded.tar"
        facts = json.loads(box.run("backup", str(file), "--no-encrypt", "--json"))
        after = [count.value for count in counts]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert sum(after) > sum(before), "they wrote on meanwhile"
    assert facts["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    env = environment(ALKNET_DATA=str(tmp_path / "new"))
    checked = alknet("restore", str(file), "--check", env=env)
    assert checked.returncode == 0, checked.stderr
    assert alknet("restore", str(file), env=env).returncode == 0
    holds_a_prefix(tmp_path / "new" / "alknet.db", before)


def holds_a_prefix(database: Path, before: list[int]) -> None:
    """Of each writer all that it had told of, perhaps some after that, and nothing with a gap in it."""
    with closing(sqlite3.connect(database)) as restored:
        names = {row[0] for row in restored.execute("SELECT peer_id FROM peers WHERE peer_id LIKE 'load-%'")}
        assert restored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for writer, told in enumerate(before):
        count = sum(name.startswith(f"load-{writer}-") for name in names)
        assert count >= told
        assert names >= {f"load-{writer}-{number}" for number in range(count)}


def test_a_backup_from_a_shell_holds_the_log_signed_by_the_node(box: Appliance, tmp_path: Path) -> None:
    """So a log that is cut short afterwards is found out by the backup."""
    box.run("peer", "add", "newest", "--token")
    box.run("backup", str(tmp_path / "it.tar"))
    with tarfile.open(tmp_path / "it.tar") as archive:
        archive.extract("alknet.db", tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "alknet.db")) as database:
        [(rows,)] = database.execute("SELECT max(id) FROM audit_auditentry")
        assert database.execute("SELECT max(number) FROM audit_checkpoint").fetchone() == (rows,)


def test_a_restore_is_refused_while_the_appliance_runs(box: Appliance, tmp_path: Path) -> None:
    box.run("backup", str(tmp_path / "it.tar"))
    refused = alknet("restore", str(tmp_path / "it.tar"), "--yes", env=environment(ALKNET_DATA=str(box.data)))
    assert (refused.returncode, "is in use: stop its node" in refused.stderr) == (1, True)
    assert box.ready_file.exists()
    box.run("restore", str(tmp_path / "it.tar"), "--check")


def test_the_panel_makes_one_and_gives_it_out_to_who_may(box: Appliance, tmp_path: Path) -> None:
    session = PanelSession(box.ready["panel_url"])
    session.set_up(box.ready["setup_url"])
    session.submit("/backups/backup/", "/backups/backup/make/")
    until(lambda: not json.loads(session.get("/backups/backup/status/"))["running"], "the backup")
    listed = session.get("/backups/backup/")
    [link] = re.findall(r'href="(/backups/backup/\d+/change/[^"]*)"[^>]*>20', listed)[:1]
    page = link.partition("change/")[0]
    file = tmp_path / "downloaded"
    file.write_bytes(session.download(f"{page}change/", f"{page}download/"))
    assert hashlib.sha256(file.read_bytes()).hexdigest() in session.get(f"{page}change/")
    box.run("restore", str(file), "--check")
    actions = json.loads(box.run("audit", "list", "--json"))
    told = json.dumps(actions)
    assert "backup.made" in told
    assert "backup.downloaded" in told


def test_the_words_open_a_sealed_one_on_another_machine(
    box: Appliance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the box is there, by one file and the words."""
    file, token = tmp_path / "sealed", box.run("token", "create", "ci", "--right", "peers:read").strip()
    box.run("backup", str(file), "--encrypt")
    with open_box(box.data) as contents:
        words = contents.phrase.reveal()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another-home"))
    env = environment(ALKNET_DATA=str(tmp_path / "there"))
    refused = alknet("restore", str(file), env=env)
    assert (refused.returncode, "give its words" in refused.stderr) == (1, True)
    assert not (tmp_path / "there" / "alknet.db").exists()
    other = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    refused = alknet("restore", str(file), "--words-file", "-", env=env, given=other)
    assert (refused.returncode, "are another's" in refused.stderr) == (1, True)
    done = alknet("restore", str(file), "--words-file", "-", env=env, given=words)
    assert done.returncode == 0, done.stderr
    assert credentials_of(tmp_path / "there") == {"openai": "a secret"}
    with running_appliance(tmp_path / "there") as moved:
        assert moved.ready["node_fingerprint"] == box.ready["node_fingerprint"]
        assert "backup.restored" in moved.run("audit", "list", "--json")
        same = [(data / "secrets" / "node_certificate.pem").read_bytes() for data in (moved.data, box.data)]
        assert same[0] == same[1], "also for who knows it by its certificate"
        (tmp_path / "token").touch(0o600)
        (tmp_path / "token").write_text(token)
        asked = ("--remote", f"http://{moved.ready['panel_address']}", "--token-file", str(tmp_path / "token"))
        assert alknet(*asked, "peer", "list", env=env).returncode == 0, "a token of there is one of here"
