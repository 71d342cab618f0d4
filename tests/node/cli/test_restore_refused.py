"""Backups and restores that do not come about, as for a full disk, leave nothing; and those that do, not too much."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.backup.swap import KEPT
from tests.support.backups import data_of, made, mark_in, marks
from tests.support.custody import made as vault_made
from tests.support.killing import Killer

ROOMS = (4_096, 40_000, 150_000, 215_000)
"""Bytes that a file may have: before, within and after the copy of each database, of which the larger has 220 kB."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    place = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(place / "home"))
        with Killer(place, place / "home") as run:
            yield run


@pytest.fixture
def backup(tmp_path: Path) -> str:
    data = data_of(tmp_path / "backed-up", "new")
    (data / "secrets" / "vault.json").unlink()
    vault_made(data)
    return str(made(data, tmp_path / "it.tar").path)


def tree(place: Path) -> set[str]:
    """Every name in a data directory, but for the companions of a database, which come and go with who reads it."""
    names = {str(path.relative_to(place)) for path in place.rglob("*")}
    return {name for name in names if not name.endswith(("-wal", "-shm"))}


@pytest.mark.parametrize("room", ROOMS)
def test_a_restore_onto_a_full_disk_changes_nothing(run: Killer, tmp_path: Path, backup: str, room: int) -> None:
    data = data_of(tmp_path / "data", "old")
    before = tree(data)
    ended = run(data, backup, "--yes", program="restore", longest=room)
    assert (ended["status"], "nothing was changed" in ended["said"]) == (1, True), ended["said"]
    assert tree(data) == before
    assert marks(data) == {"old"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_backup_onto_a_full_disk_is_none(run: Killer, tmp_path: Path, room: int) -> None:
    data, place = data_of(tmp_path / "data", "it"), tmp_path / "backups"
    (data / "secrets" / "vault.json").unlink()
    place.mkdir()
    ended = run(data, str(place / "it.tar"), "--lines", program="backup", longest=room)
    assert (ended["status"], '"ok": false' in ended["said"]) == (1, True), ended["said"]
    assert "Traceback" not in ended["said"]
    assert list(place.iterdir()) == []


def test_a_refused_restore_leaves_no_directory_behind(run: Killer, tmp_path: Path, backup: str) -> None:
    with Path(backup).open("r+b") as file:
        file.truncate(Path(backup).stat().st_size // 2)
    ended = run(tmp_path / "home" / "data", backup, program="restore")
    assert (ended["status"], "nothing was changed" in ended["said"]) == (1, True), ended["said"]
    assert not (tmp_path / "home").exists()
    (tmp_path / "home" / "data").mkdir(parents=True)
    assert run(tmp_path / "home" / "data", backup, program="restore")["status"] == 1
    assert list((tmp_path / "home" / "data").iterdir()) == [], "and one that was there stays"


def test_of_what_was_put_aside_the_newest_stay(run: Killer, tmp_path: Path, backup: str) -> None:
    """By their names, and the one of this restore in any case: a clock may have been set back."""
    data = data_of(tmp_path / "data", "old")
    kept = [f"2999010{number}T000000Z-1" for number in range(1, 6)]
    for name in (*kept, "mine"):
        (data / "replaced" / name / "secrets").mkdir(parents=True)
    ended = run(data, backup, "--yes", program="restore")
    assert ended["status"] == 0, ended["said"]
    left = sorted(os.listdir(data / "replaced"))
    assert left[-KEPT:] == [*kept[1 - KEPT :], "mine"]
    assert len(left) == KEPT + 1
    assert mark_in(data / "replaced" / left[0] / "alknet.db") == "old"
    assert not (data / ".restore").exists()
