"""Writing down what becomes of backups, each step with its audit row. Nothing here copies a database."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.actors import SYSTEM, Actor
from apps.audit.services import Change, record
from apps.backups.models import Backup, State, Way
from node.core.paths import DataPaths

CUT_OFF = "it was cut off: the panel ended while it was made"
_KIND = "backup"
_MAX_NOTE = 64 * 1024

logger = logging.getLogger(__name__)


class BackupUnderWay(Exception):
    """One at a time."""

    def __init__(self) -> None:
        super().__init__("A backup is under way already.")


def begin(*, actor: Actor, way: Way, file: Path, encrypted: bool) -> Backup:
    """Note that a backup begins. Raises BackupUnderWay."""
    try:
        with transaction.atomic():
            return Backup.objects.create(way=way, made_by=actor.name, file=str(file), encrypted=encrypted)
    except IntegrityError:
        raise BackupUnderWay from None


def succeed(*, actor: Actor, backup: Backup, size: int, sha256: str) -> None:
    """Note that it is there."""
    with transaction.atomic():
        _end(backup, State.DONE, size=size, sha256=sha256)
        _record(actor, "made", backup.name, _facts(backup))


def fail(*, actor: Actor, backup: Backup, reason: str) -> None:
    """Note that it did not come about, and say so in the log."""
    with transaction.atomic():
        _end(backup, State.FAILED, error=reason)
        _record(actor, "failed", backup.name, {"error": reason})
    logger.error("a backup failed", extra={"file": backup.file, "way": backup.way, "error": reason})


def record_made(*, actor: Actor, facts: Mapping[str, Any]) -> Backup:
    """Note a backup that a shell has made already. Raises KeyError, TypeError, ValueError on other facts."""
    with transaction.atomic():
        backup = Backup.objects.create(
            state=State.DONE,
            way=Way.SHELL,
            made_by=actor.name,
            ended_at=timezone.now(),
            file=str(facts["file"]),
            size=int(facts["size"]),
            sha256=str(facts["sha256"]),
            encrypted=facts["encrypted"] is True,
        )
        _record(actor, "made", backup.name, _facts(backup))
    return backup


def note_download(*, actor: Actor, backup: Backup) -> None:
    """Before its first byte goes out: who has it may have the rest too."""
    with transaction.atomic():
        _record(actor, "downloaded", backup.name, {"sha256": backup.sha256, "size": backup.size})


def remove_old(*, keep: int) -> int:
    """Remove the files of scheduled backups but for the newest ones; how many went. Those that people made stay."""
    scheduled = Backup.objects.filter(way=Way.SCHEDULE, state=State.DONE, removed_at=None)
    removed = 0
    for backup in scheduled.order_by("-id")[keep:]:
        try:
            backup.path.unlink(missing_ok=True)
        except OSError as error:
            logger.error("an old backup cannot be removed", extra={"file": backup.file, "error": error.strerror})
            continue
        with transaction.atomic():
            backup.removed_at = timezone.now()
            backup.save(update_fields=["removed_at"])
            _record(SYSTEM, "removed", backup.name, {"kept": keep})
        removed += 1
    return removed


def settle() -> None:
    """At the start: what is said to be under way was cut off with the process that it ran in. Its file may be whole."""
    for backup in Backup.objects.filter(state=State.RUNNING):
        if backup.path.is_file():
            succeed(actor=SYSTEM, backup=backup, size=backup.path.stat().st_size, sha256="")
        else:
            fail(actor=SYSTEM, backup=backup, reason=CUT_OFF)


def note_restore(paths: DataPaths) -> None:
    """Write a restore into the audit log that it brought along. The backup that it came from was not under way."""
    try:
        with paths.restored.open("rb") as file:
            facts = json.loads(file.read(_MAX_NOTE))
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError) as error:
        logger.error("the note of a restore cannot be read", extra={"file": str(paths.restored), "error": str(error)})
        facts = {}
    facts = facts if isinstance(facts, dict) else {}
    with transaction.atomic():
        Backup.objects.filter(state=State.RUNNING).delete()
        _record(SYSTEM, "restored", str(facts.get("file", ""))[:255], facts)
    paths.restored.unlink(missing_ok=True)


def _end(backup: Backup, state: State, **values: Any) -> None:
    backup.state, backup.ended_at = state, timezone.now()
    for name, value in values.items():
        setattr(backup, name, value)
    backup.save()


def _facts(backup: Backup) -> dict[str, Any]:
    return {"size": backup.size, "sha256": backup.sha256, "encrypted": backup.encrypted, "file": backup.file}


def _record(actor: Actor, verb: str, name: str, facts: Mapping[str, Any]) -> None:
    record(actor=actor, changes=[Change(f"{_KIND}.{verb}", _KIND, name, after=facts)])
