"""What `alknet doctor` finds out about the databases: the library, the files, their triggers."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from node.core.finding import Finding, Level
from node.settings import Settings

LOOK_SECONDS = 5.0
"""How long one file is gone through, so that the command ends soon."""
_LIBRARIES = """
import json, sys, sqlite3, tempfile, pathlib, honker
from node.store.libraries import sqlite_libraries
with tempfile.TemporaryDirectory() as folder:
    database = honker.open(str(pathlib.Path(folder) / "x.db"))
    with database.transaction() as tx:
        tx.execute("CREATE TABLE t (x)")
    database.query("SELECT count(*) FROM t")
    database.close()
json.dump({"files": sqlite_libraries(), "version": sqlite3.sqlite_version}, sys.stdout)
"""
_WATCHED = (
    "peers",
    "api_keys",
    "credentials",
    "locks",
    "peer_terms",
    "access_grants",
    "invites",
    "claims",
    "forwarding_rules",
)
"""The tables whose changes the node is told of; a test holds this to those that the node reads."""
_VERBS = ("insert", "update", "delete")


def sqlite(_: Settings) -> Finding:
    """Whether the node would hold one SQLite library, and honker works with it: in a process of its own."""
    command = [sys.executable, "-P", "-c", _LIBRARIES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return Finding("sqlite", Level.PROBLEM, "honker does not open a database within 30 s; the machine is too busy")
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("sqlite", Level.PROBLEM, f"honker does not work: {said}; scripts/up installs it anew")
    told = json.loads(done.stdout)
    files = told["files"]
    if len(files) > 1:
        text = f"{len(files)} SQLite libraries in one process, which lose each other's commits: {', '.join(files)}"
        return Finding("sqlite", Level.PROBLEM, f"{text}; scripts/up installs honker so that it shares the system's")
    return Finding("sqlite", Level.FINE, f"SQLite {told['version']}, one library, and honker works with it")


def database(settings: Settings) -> Finding:
    """Whether `alknet.db` is whole, and its triggers are there."""
    path = settings.paths.database
    if not path.is_file():
        return Finding("database", Level.FINE, f"there is no {path.name} yet: the panel's first start makes it")
    try:
        with _opened(path) as opened:
            broken, whole = _look_through(opened)
            gone = _gone(opened)
    except sqlite3.Error as error:
        return Finding("database", Level.PROBLEM, f"{path.name} cannot be read: {error}; restore a backup")
    if broken:
        return Finding("database", Level.PROBLEM, f"{path.name} is damaged: {broken}; restore a backup")
    if gone:
        text = f"changes do not reach the node, as triggers are missing: {', '.join(gone)}; start the panel anew"
        return Finding("database", Level.PROBLEM, text)
    return Finding("database", Level.FINE, f"{path.name}, {_size(path)}, {_told(whole)}, with its triggers")


def journal(settings: Settings) -> Finding:
    """Whether `node.db` is whole."""
    path = settings.paths.journal
    if not path.is_file():
        return Finding("journal", Level.FINE, f"there is no {path.name} yet: the node's first start makes it")
    try:
        with _opened(path) as opened:
            broken, whole = _look_through(opened)
            [count] = opened.execute("SELECT count(*) FROM (SELECT 1 FROM events LIMIT 1000)").fetchone()
    except sqlite3.Error as error:
        broken, whole, count = str(error), True, 0
    if broken:
        text = f"{path.name} is damaged: {broken}; with the node stopped, move it away: the node makes a new one"
        return Finding("journal", Level.PROBLEM, text)
    events = f"{count} events" if count < 1000 else "1000 events and more"
    return Finding("journal", Level.FINE, f"{path.name}, {_size(path)}, {events}, {_told(whole)}")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """For reading, beside whoever else has it open. It waits for nobody. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{path.as_posix()}?mode=rw", uri=True, timeout=0.5)) as opened:
        opened.execute("PRAGMA query_only = ON")
        yield opened


def _look_through(opened: sqlite3.Connection) -> tuple[str, bool]:
    """What is damaged, if anything is, and whether all of the file was looked at in the time. Raises sqlite3.Error."""
    until = time.monotonic() + LOOK_SECONDS
    opened.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        [found] = opened.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return "", False
    finally:
        opened.set_progress_handler(None, 0)
    return ("" if found == "ok" else str(found)[:200]), True


def _gone(opened: sqlite3.Connection) -> list[str]:
    """The notifying triggers that tables of this file should have and do not."""
    tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    wanted = [f"alknet_notify_{table}_{verb}" for table in _WATCHED if table in tables for verb in _VERBS]
    return [name for name in wanted if name not in found]


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1024**2:.1f} MiB"


def _told(whole: bool) -> str:  # noqa: FBT001 - the answer of the look
    return "whole" if whole else f"without damage as far as {LOOK_SECONDS:g} s went"
