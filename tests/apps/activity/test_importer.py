"""The web process's importer against real journals: missing, replaced, rotated, busy, hostile."""

import logging
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from apps.activity import importer, selectors, services
from apps.activity.filters import EventFilters
from apps.activity.importer import Keep
from apps.activity.models import Event as Kept
from apps.activity.models import Position
from node.core.journal import Event, EventKind
from tests.support.importing import append, following, told
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here waits for the sake of administrators."""
    for name, seconds in {"COMMIT_EVERY": 0.01, "RETRY_FIRST": 0.02, "RETRY_MAX": 0.1}.items():
        monkeypatch.setattr(importer, name, seconds)


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records if record.name == importer.__name__]


def test_events_are_kept_in_pages_and_published_once(path: Path) -> None:
    append(path, told(1100))
    with following(path) as found:
        found.until_kept(1100)
        append(path, told(5))
        found.until_published(1105)
    assert [len(batch) for batch in found.published] == [500, 500, 100, 5]
    assert len({event.pk for batch in found.published for event in batch}) == 1105


def test_a_journal_that_is_not_there_yet_is_waited_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with following(path) as found:
        time.sleep(0.1)
        append(path, told(3))
        found.until_kept(3)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_an_importer_goes_on_where_the_last_one_was(path: Path) -> None:
    append(path, told(10))
    with following(path) as found:
        found.until_kept(10)
    append(path, told(7))
    with following(path) as found:
        found.until_kept(17)
        found.until_published(7)
    assert [len(batch) for batch in found.published] == [7]


def test_two_importers_of_one_journal_double_nothing(path: Path) -> None:
    append(path, told(900))
    with following(path) as one, following(path) as other:
        until(lambda: Kept.objects.count() >= 900, "all events kept")
        append(path, told(50))
        until(lambda: one.importer.imported + other.importer.imported >= 950, "all events kept")
    assert Kept.objects.count() == one.importer.imported + other.importer.imported == 950


def test_a_journal_in_the_place_of_another_begins_anew(path: Path, tmp_path: Path) -> None:
    append(path, told(10))
    with following(path) as found:
        found.until_kept(10)
        append(tmp_path / "new.db", told(4), boot="b" * 16)
        for ending in ("-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        (tmp_path / "new.db").rename(path)
        found.until_kept(15)
        append(path, told(1), boot="b" * 16)
        found.until_kept(16)
    assert Kept.objects.filter(kind="replaced").count() == 1
    assert Position.objects.count() == 2
    assert Position.objects.get(latest=True).boot == "b" * 16


def test_a_journal_that_vanished_and_came_back_is_gone_on_with(path: Path, tmp_path: Path) -> None:
    append(path, told(10))
    with following(path) as found:
        found.until_kept(10)
        path.rename(tmp_path / "away.db")
        time.sleep(0.1)
        (tmp_path / "away.db").rename(path)
        append(path, told(2))
        found.until_kept(12)
    assert not Kept.objects.filter(kind__in=("replaced", "gap")).exists()


def test_events_that_were_forgotten_unread_leave_a_note(path: Path) -> None:
    append(path, [Event(EventKind.CONNECTED, 1, "a")])
    with following(path) as found:
        found.until_kept(1)
    append(path, told(20))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DELETE FROM events WHERE number < (SELECT max(number) FROM events)")
    with following(path) as found:
        found.until_kept(3)
    assert [event.kind for event in selectors.events(EventFilters())] == ["denied", "gap", "connected"]


def test_a_database_that_is_locked_for_long_delays_and_loses_nothing(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(path, told(10))
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with following(path) as found:
            until(lambda: found.importer.failures >= 3, "three attempts")
            assert Kept.objects.count() == 0
            writer.rollback()
            found.until_kept(10)
            until(lambda: levels(caplog) == ["ERROR", "INFO"], "it is told once, and that it is over")


def test_what_fails_is_told_once_and_tried_again(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panic(BaseException):
        """What honker's native code raises is no Exception."""

    def fail(*_: object, **__: object) -> None:
        raise Panic

    caplog.set_level(logging.INFO)
    append(path, told(10))
    with monkeypatch.context() as broken:
        broken.setattr(services, "import_batch", fail)
        with following(path) as found:
            until(lambda: found.importer.failures >= 3, "three attempts")
            broken.undo()
            found.until_kept(10)
            until(lambda: levels(caplog) == ["ERROR", "INFO"], "it is told once, and that it is over")


def test_a_publisher_that_fails_loses_nothing(path: Path) -> None:
    def fail(_events: object) -> None:
        raise LookupError

    append(path, told(700))
    with following(path, publish=fail) as found:
        found.until_kept(700)


def test_a_row_from_elsewhere_is_capped_and_kept(path: Path) -> None:
    append(path, told(1))
    row = ("x" * 10_000_000, "\x1b[2J\n" * 100, b"\xff\xfe", "[" * 200_000)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "INSERT INTO events (at, boot, kind, peer_id, address, alpn, reason, detail)"
            " VALUES ('noon', '', 'teleported', ?, ?, ?, '', ?)",
            row,
        )
    with following(path) as found:
        found.until_kept(2)
    kept = Kept.objects.get(kind="teleported")
    assert len(kept.peer_id or "") == 255
    assert "\x1b" not in (kept.address or "")


def test_what_is_too_old_goes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "PRUNE_EVERY", 0.0)
    append(path, [Event(EventKind.DENIED, at=time.time() - 10 * 86_400) for _ in range(20)])
    append(path, told(5))
    with following(path, Keep(1_000_000, timedelta(days=9))) as found:
        until(lambda: found.importer.imported == 25 and Kept.objects.count() == 5, "old events forgotten")
