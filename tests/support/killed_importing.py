"""Imports a journal again and again, and dies by SIGKILL just before the n-th statement of its database, for each n.

Run as `python -m tests.support.killed_importing JOURNAL NEWEST` on a migrated data directory. For each n, in forks of
this process: the tables are emptied and an importer is killed at that statement; another one brings the work to its
end, and one line of JSON tells what is kept: {"killed", "events", "open", "seen", "position"}. The last line is that of
an importer that was not killed.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import traceback
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

# Before any fork: none of them imports a thing.
django.setup()

from django.conf import settings  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402

from apps.activity import importer  # noqa: E402
from apps.activity.models import Connection, Event, Position, Presence  # noqa: E402

NEVER = 1_000_000


def main(journal: Path) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        killed = in_fork(first, journal, step) == -signal.SIGKILL
        assert in_fork(second, journal, killed) == 0


def in_fork(function: Any, *arguments: Any) -> int:
    """The exit status, negative for a signal. This process itself never opens the database."""
    child = os.fork()
    if child == 0:
        try:
            function(*arguments)
        except Exception:  # noqa: BLE001 - told, and the end of the fork
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def first(journal: Path, step: int) -> None:
    """From nothing to the newest event, or to the statement at which it ends for good."""
    for model in (Connection, Event, Position, Presence):
        model.objects.all().delete()
    left = step

    def count(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(connection: Any, **_: Any) -> None:
        connection.connection.set_trace_callback(count)

    connection_created.connect(watch)
    asyncio.run(follow(journal))


def second(journal: Path, killed: bool) -> None:
    """To the newest event, and what is kept then."""
    asyncio.run(follow(journal))
    kept = {
        "killed": killed,
        "events": list(Event.objects.order_by("id").values_list("number", flat=True)),
        "open": sorted(Connection.objects.values_list("connection", flat=True)),
        "seen": sorted((row.peer_id, row.last_seen.timestamp()) for row in Presence.objects.all()),
        "position": list(Position.objects.values_list("number", flat=True)),
    }
    print(json.dumps(kept), flush=True)


async def follow(journal: Path) -> None:
    importer.COMMIT_EVERY = 0.0
    importer.PAGE_ROWS = 7
    following = importer.Importer(journal, importer.Keep(NEVER, timedelta(days=36_500)))
    task = asyncio.create_task(following.run())
    while position() < NEWEST:
        await asyncio.sleep(0.002)
    task.cancel()


def position() -> int:
    """Asked by another way than the importer's own, so that it is no step of that."""
    with closing(sqlite3.connect(settings.PATHS.database)) as file:
        row = file.execute("SELECT number FROM activity_position").fetchone()
        return int(row[0]) if row else 0


if __name__ == "__main__":
    NEWEST = int(sys.argv[2])
    main(Path(sys.argv[1]))
