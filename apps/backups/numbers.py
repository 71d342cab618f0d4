"""What the metrics show of backups: read from their rows, so a restart forgets nothing."""

from datetime import UTC, datetime

from django.db import DatabaseError

from apps.backups import selectors
from apps.backups.models import Backup
from node.core.metrics import Kind, Meaning, Metrics


def add_to(metrics: Metrics) -> None:
    """Each is left out while there is nothing to tell, or the database cannot be read: its own check tells of that."""
    for name, text, read in (
        ("backup_age_seconds", "Since the newest backup that came about was begun.", _age),
        ("backup_size_bytes", "How large that one is.", _size),
        ("backup_last_succeeded", "1 where the last backup came about, 0 where it failed.", _last_succeeded),
    ):
        metrics.add_single(name, Meaning(Kind.GAUGE, text), read)


def _age() -> float | None:
    good = _newest_good()
    return None if good is None else max((datetime.now(UTC) - good.started_at).total_seconds(), 0.0)


def _size() -> float | None:
    good = _newest_good()
    return None if good is None else float(good.size)


def _newest_good() -> Backup | None:
    try:
        return selectors.newest_good()
    except DatabaseError:
        return None


def _last_succeeded() -> float | None:
    try:
        well = selectors.last_ended_well()
    except DatabaseError:
        return None
    return None if well is None else float(well)
