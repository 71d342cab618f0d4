"""What has to be in place before the web process serves: the data directory, the database's shape, its triggers."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.audit.guards import ensure_guards
from apps.notify.services import ensure_triggers
from node.core.paths import DataPaths

logger = logging.getLogger(__name__)


def prepare_database(paths: DataPaths) -> None:
    """Make or upgrade the database where it needs it. Processes that start together take turns."""
    paths.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.run.mkdir(mode=0o700, exist_ok=True)
    with _exclusive(paths.run / "migrate.lock"):
        if _needs_migration():
            call_command("migrate", verbosity=0, interactive=False)
        ensure_triggers()
        if gone := ensure_guards():
            logger.warning("the audit log was open to changes: alknet audit verify", extra={"triggers": gone})


def _needs_migration() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it however this process ends."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
