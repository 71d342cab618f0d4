"""What is written down of backups, and the runner that has them made by a real command."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.audit.actors import SYSTEM
from apps.audit.models import AuditEntry
from apps.backups import selectors, services
from apps.backups.models import Backup, State, Way
from apps.backups.numbers import add_to
from apps.backups.runner import Runner
from apps.backups.services import CUT_OFF, BackupUnderWay
from node.core.metrics import Metrics
from node.core.paths import DataPaths
from tests.support.backups import members
from tests.support.panel import ALICE, audit

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600.0
SECONDS = 60


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process puts backups."""
    set_to(monkeypatch, directory=tmp_path / "backups")
    return tmp_path / "backups"


def set_to(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    known = settings.ALKNET
    changed = known.model_copy(update={"backup": known.backup.model_copy(update=values)})
    monkeypatch.setattr(settings, "ALKNET", changed)


@pytest.fixture
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.stop()


def ended(count: int = 1) -> None:
    """Wait until so many backups have come to their end."""
    deadline = time.monotonic() + SECONDS
    while Backup.objects.exclude(state=State.RUNNING).count() < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def scheduled(state: State = State.DONE, hours_ago: float = 0, file: str = "/b/x.tar", **values: Any) -> Backup:
    began = datetime.now(UTC) - timedelta(hours=hours_ago)
    return Backup.objects.create(state=state, way=Way.SCHEDULE, file=file, started_at=began, **values)


def test_one_at_a_time_is_made_by_a_process_of_its_own_and_written_down(directory: Path, runner: Runner) -> None:
    begun = runner.begin(ALICE, Way.PANEL)
    with pytest.raises(BackupUnderWay):
        runner.begin(ALICE, Way.PANEL)
    ended()
    backup = Backup.objects.get(pk=begun.pk)
    assert backup.state == State.DONE, backup.error
    assert [info.name for info, _ in members(backup.path)][:2] == ["manifest.json", "alknet.db"]
    assert backup.size == backup.path.stat().st_size
    assert [path.name for path in directory.iterdir()] == [backup.name]
    assert audit() == [("alice", "backup.made", backup.name)]


def test_one_that_fails_says_why(directory: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """No node runs here that could seal it."""
    set_to(monkeypatch, encrypt=True, directory=directory)
    begun = runner.begin(ALICE, Way.PANEL)
    ended()
    failed = Backup.objects.get(pk=begun.pk)
    assert (failed.state, "cannot be sealed: the node does not run" in failed.error) == (State.FAILED, True)
    assert not list(directory.iterdir())
    assert audit() == [("alice", "backup.failed", failed.name)]


def test_one_that_is_under_way_ends_with_the_panel_and_leaves_no_file(directory: Path, runner: Runner) -> None:
    runner.begin(ALICE, Way.PANEL)
    runner.stop()
    cut = Backup.objects.get()
    assert (cut.state, cut.error) == (State.FAILED, CUT_OFF)
    assert not list(directory.iterdir())


def test_a_directory_that_cannot_be_made_is_a_failure_too(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    set_to(monkeypatch, directory=tmp_path / "file" / "below")
    runner.begin(ALICE, Way.PANEL)
    ended()
    assert "exists" in Backup.objects.get().error


def test_the_schedule_makes_the_first_at_once_and_keeps_as_many_as_it_shall(
    directory: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir()
    old = [scheduled(file=str(directory / f"{number}.tar"), hours_ago=48) for number in range(3)]
    by_hand = Backup.objects.create(state=State.DONE, way=Way.PANEL, file=str(directory / "mine.tar"))
    for backup in (*old, by_hand):
        backup.path.touch()
    set_to(monkeypatch, every=24.0, keep=2, directory=directory)
    runner.start()
    ended(5)
    runner.stop()
    new = Backup.objects.filter(way=Way.SCHEDULE).first()
    assert new is not None
    assert {path.name for path in directory.iterdir()} == {"mine.tar", "2.tar", new.name}
    assert [row[1:] for row in audit()] == [
        ("backup.made", new.name),
        ("backup.removed", "1.tar"),
        ("backup.removed", "0.tar"),
    ]


def test_a_process_that_starts_again_makes_none_before_its_time(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    scheduled(hours_ago=1)
    set_to(monkeypatch, every=24.0, directory=directory)
    assert 22.9 * HOUR < runner._due_in() < 23.2 * HOUR


def test_what_was_cut_off_is_settled_at_the_next_start(directory: Path) -> None:
    """The command may have ended well, though nobody was left to hear of it."""
    directory.mkdir()
    whole = scheduled(State.RUNNING, file=str(directory / "whole.tar"))
    whole.path.write_text("all of it")
    services.settle()
    cut = scheduled(State.RUNNING, file=str(directory / "cut.tar"))
    services.settle()
    whole.refresh_from_db()
    cut.refresh_from_db()
    assert (whole.state, whole.size) == (State.DONE, 9)
    assert (cut.state, cut.error) == (State.FAILED, CUT_OFF)


def test_a_restore_is_written_down_once_and_the_backup_itself_is_not_under_way(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path)
    paths.restored.write_text(json.dumps({"file": "it.tar", "made_at": 5}))
    scheduled(State.RUNNING)
    services.note_restore(paths)
    services.note_restore(paths)
    assert audit() == [("alknet", "backup.restored", "it.tar")]
    assert AuditEntry.objects.get().after == {"file": "it.tar", "made_at": 5}
    assert not paths.restored.exists()
    assert not Backup.objects.exists()


@pytest.mark.parametrize("note", ["", "[]", "nonsense", "[" * 5000])
def test_a_note_that_is_none_is_still_a_restore(tmp_path: Path, note: str) -> None:
    paths = DataPaths(tmp_path)
    paths.restored.write_text(note)
    services.note_restore(paths)
    assert [row[1] for row in audit()] == ["backup.restored"]


def test_what_is_wrong_with_the_schedule_is_told() -> None:
    assert selectors.problem(every=24 * HOUR) is None, "none was due yet"
    scheduled(hours_ago=30)
    assert selectors.problem(every=24 * HOUR) is None
    assert selectors.problem(every=12 * HOUR) is not None, "overdue"
    assert selectors.problem(every=0) is None, "none is wanted"
    scheduled(State.FAILED, error="no room")
    assert "no room" in (selectors.problem(every=24 * HOUR) or "")
    scheduled()
    assert selectors.problem(every=24 * HOUR) is None, "mended"


def test_the_numbers_tell_of_the_newest_good_one_and_of_how_the_last_ended() -> None:
    metrics = Metrics()
    add_to(metrics)
    read = {name: single.read for name, single in metrics.singles.items()}
    assert {name: look() for name, look in read.items()} == dict.fromkeys(read), "nothing to tell yet"
    scheduled(hours_ago=2, size=7)
    scheduled(State.FAILED, hours_ago=1)
    assert 2 * HOUR <= (read["backup_age_seconds"]() or 0) < 3 * HOUR
    assert (read["backup_size_bytes"](), read["backup_last_succeeded"]()) == (7, 0)
    scheduled(State.RUNNING)
    assert read["backup_last_succeeded"]() == 0, "that one is not at its end"


def test_failures_are_counted_from_the_last_good_one() -> None:
    assert selectors.last_scheduled() is None
    scheduled(State.FAILED)
    scheduled()
    scheduled(State.FAILED)
    last = scheduled(State.FAILED)
    found = selectors.last_scheduled()
    assert found is not None
    assert (found.number, found.failures) == (last.pk, 2)


def test_an_old_one_that_cannot_be_removed_is_told_and_stays_on_the_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = scheduled(file=str(tmp_path))
    scheduled()
    assert services.remove_old(keep=1) == 0
    stuck.refresh_from_db()
    assert stuck.removed_at is None
    assert "cannot be removed" in caplog.text


def test_a_download_is_written_down() -> None:
    services.note_download(actor=SYSTEM, backup=scheduled())
    assert audit() == [("alknet", "backup.downloaded", "x.tar")]
