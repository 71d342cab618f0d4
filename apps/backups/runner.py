"""Makes backups in a process of its own: `alknet backup`, whose progress is followed here.

So the copying takes nothing from the panel, and the journal, which this process follows by honker, is opened by no
second library in it (decision 13).
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from apps.audit.actors import SYSTEM, Actor
from apps.audit.schedule import sign_where_possible
from apps.backups import schedule, selectors, services
from apps.backups.models import Backup, Way
from apps.backups.services import BackupUnderWay
from node.private_file import private_directory

LONGEST_LOOK = 60.0
"""Seconds from one look at the schedule to the next: the clock may be set meanwhile."""
_STOP_SECONDS = 5.0
_MAX_LINE = 64 * 1024
_MAX_REASON = 2000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the backup is that is under way: the step, and how much of it is done."""

    step: str
    done: int
    of: int


class Runner:
    """One backup at a time, for the panel and for the schedule. Each thread that it starts ends with `stop`."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, actor: Actor, way: Way) -> Backup:
        """Begin one in the background. Raises BackupUnderWay."""
        backup = self._begun(actor, way)
        self._spawn(self._make, actor, backup, name="backup")
        return backup

    def start(self) -> None:
        """Settle what was cut off, and follow the schedule, if there is one."""
        services.note_restore(settings.PATHS)
        services.settle()
        if settings.ALKNET.backup.every:
            self._spawn(self._follow_schedule, name="backup schedule")

    def stop(self) -> None:
        """End the schedule, and the backup that is under way: it is noted as cut off, and leaves no file."""
        self._stopping.set()
        if (child := self._child) is not None:
            child.terminate()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _spawn(self, work: Any, *arguments: Any, name: str) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=_with_connection, args=[work, *arguments], name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _begun(self, actor: Actor, way: Way) -> Backup:
        directory, sealed = settings.ALKNET.backups, settings.ALKNET.backup.encrypt
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        name = f"alknet-{stamp}-{'scheduled' if way is Way.SCHEDULE else 'by-hand'}.tar{'.sealed' if sealed else ''}"
        return services.begin(actor=actor, way=way, file=directory / name, encrypted=sealed)

    def _make(self, actor: Actor, backup: Backup) -> None:
        """Have it made, and write down what became of it."""
        self.progress = Progress("beginning", 0, 1)
        sign_where_possible()
        try:
            answer = self._run(backup)
        except OSError as error:
            answer = {"error": f"{error.strerror or error}: {error.filename or backup.file}"}
        finally:
            self.progress = None
        result = answer.get("result")
        if isinstance(result, dict):
            services.succeed(actor=actor, backup=backup, size=int(result["size"]), sha256=str(result["sha256"]))
        else:
            reason = services.CUT_OFF if self._stopping.is_set() else str(answer.get("error"))[:_MAX_REASON]
            services.fail(actor=actor, backup=backup, reason=reason)

    def _run(self, backup: Backup) -> dict[str, Any]:
        """The last line of the command, as an object with `result` or `error`. Raises OSError."""
        private_directory(backup.path.parent)
        command = [sys.executable, "-P", "-m", "node.cli.main", "backup", backup.file, "--lines"]
        command.append("--encrypt" if backup.encrypted else "--no-encrypt")
        environment = {**os.environ, "ALKNET_DATA": str(settings.ALKNET.data)}
        with tempfile.TemporaryFile() as complaints:
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=environment
            ) as self._child:
                if self._stopping.is_set():  # since before there was a process to end
                    self._child.terminate()
                answer = self._followed(self._child)
            self._child = None
            complaints.seek(0)
            said = complaints.read(_MAX_REASON).decode(errors="replace").strip()
        return answer or {"error": said or "the command ended without a word"}

    def _followed(self, child: subprocess.Popen[bytes]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        while child.stdout is not None and (line := child.stdout.readline(_MAX_LINE)):
            try:
                told = json.loads(line)
                if "progress" in told:
                    self.progress = Progress(**told["progress"])
                else:
                    answer = dict(told)
            except (ValueError, TypeError):
                continue
        return answer

    def _follow_schedule(self) -> None:
        while not self._stopping.wait(self._seconds_to_the_next()):
            try:
                self._make_if_due()
            except BackupUnderWay:
                continue
            except DatabaseError:
                logger.exception("the schedule of backups cannot be followed at this moment")
            finally:
                connection.close()

    def _make_if_due(self) -> None:
        if self._due_in() > 0:
            return
        self._make(SYSTEM, self._begun(SYSTEM, Way.SCHEDULE))
        services.remove_old(keep=settings.ALKNET.backup.keep)

    def _seconds_to_the_next(self) -> float:
        try:
            return min(max(self._due_in(), 0.5), LONGEST_LOOK)
        except DatabaseError:
            return LONGEST_LOOK

    def _due_in(self) -> float:
        now, every = time.time(), settings.ALKNET.backup.every * 3600
        return schedule.due(selectors.last_scheduled(), every=every, box=str(settings.ALKNET.data), now=now) - now


def _with_connection(work: Any, *arguments: Any) -> None:
    """A thread's own connection to the database goes with it; what nobody foresaw is told."""
    try:
        work(*arguments)
    except Exception:
        logger.exception("a backup could not be written down")
    finally:
        connection.close()


RUNNER = Runner()
"""This process's own."""
