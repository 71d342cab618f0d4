"""A web process that is killed just before any statement of an import, and then begun again, keeps each event once."""

import json
import subprocess
from pathlib import Path

from node.core.journal import Event, EventKind
from node.core.paths import DataPaths
from node.journal.reader import open_journal
from tests.support import warm
from tests.support.appliance import environment
from tests.support.importing import append
from tests.support.web import MANAGE

NOON = 1_764_244_800.0


def story() -> list[Event]:
    """Two of three peers leave, and one of them comes back."""
    steps = [("connected", 1, "a"), ("connected", 2, "b"), ("connected", 3, None), ("denied", 2, "b")]
    steps += [
        ("closed", 1, "a"),
        ("closed", 2, "b"),
        ("connected", 4, "a"),
        ("denied", 4, "a"),
        ("limited", None, None),
    ]
    return [Event(EventKind(kind), number, peer, at=NOON + place) for place, (kind, number, peer) in enumerate(steps)]


def test_a_kill_before_any_statement_loses_and_doubles_nothing(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.data.mkdir()
    there = environment(ALKNET_DATA=str(paths.data), DJANGO_SETTINGS_MODULE="alknet_site.lean_settings")
    subprocess.run([warm.python(), MANAGE, "prepare"], env=there, check=True, timeout=120)
    append(paths.journal, story())
    with open_journal(paths.journal) as reader:
        newest = str(reader.newest)
    command = [warm.python(), "-m", "tests.support.killed_importing", str(paths.journal), newest]
    done = subprocess.run(
        command, env=there, cwd=MANAGE.parent, capture_output=True, text=True, timeout=120, check=True
    )

    *killed, whole = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(killed) > 20, done.stderr
    assert all(one.pop("killed") for one in killed)
    assert not whole.pop("killed")
    assert len(whole["events"]) == 9
    assert whole["open"] == [3, 4]
    assert whole["seen"] == [["a", NOON + 6], ["b", NOON + 5]]
    for one in killed:
        assert one == whole
