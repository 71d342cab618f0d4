"""Keeping an index, the sealed credentials and the locks true to their file, for as long as the process lives.

One task does it all, so reloads can neither overlap nor go backwards. Whatever goes wrong ends in the same way: what
was read stays as it was, the file is closed, and after a pause it is opened and read anew.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

from node.core.credential_index import CredentialProvider
from node.core.enrolment.index import EnrolmentProvider
from node.core.forwarding.rules import ForwardingProvider
from node.core.index import IndexProvider
from node.core.live import Live
from node.honker_file import Database
from node.store.changes import Changes, OutOfStep, Position, read_changes
from node.store.database import DatabaseMissing, open_database
from node.store.limits import StoreLimits
from node.store.loader import Loaded, NotMigrated, load_index
from node.store.reader import RowReader

logger = logging.getLogger(__name__)


class Published(IndexProvider, CredentialProvider, EnrolmentProvider, ForwardingProvider):
    """What a follower fills: peers and keys, locks, forwarding rules, sealed credentials, invitations and claims.

    Each is swapped by itself, locks and rules first: what a commit holds back is held before the same commit lets
    anybody in. What became of a claim comes last: who hears that it was admitted is known by then.
    """

    def __init__(self) -> None:
        IndexProvider.__init__(self)
        CredentialProvider.__init__(self)
        EnrolmentProvider.__init__(self)
        ForwardingProvider.__init__(self)


class Follower:
    """Reads the file at every commit of anybody, and publishes what it finds."""

    def __init__(self, path: Path, limits: Live[StoreLimits], provider: Published) -> None:
        self._path = path
        self._live_limits = limits
        self._provider = provider
        self._pause = limits.value.retry_first
        self._complaint = ""
        self._frozen = False
        self._untold: list[str] = []
        self._untold_logged = False
        self._moved = asyncio.Event()
        self.reader = RowReader()
        self.database: Database | None = None
        self.position: Position | None = None
        self.attempted = asyncio.Event()
        self.loaded = asyncio.Event()

    @property
    def _limits(self) -> StoreLimits:
        """Those in force now."""
        return self._live_limits.value

    @property
    def complaint(self) -> str:
        """What keeps this from following its file, for people; empty where nothing does."""
        if self._untold and self._untold_logged:
            return f"changes leave no notification: {', '.join(self._untold)}"
        return self._complaint

    async def run(self) -> NoReturn:
        """Follow for ever; only cancellation ends it."""
        while True:
            try:
                await self._follow()
            except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - a panic in honker's native code is no Exception
                self._complain(error)
            self.attempted.set()
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, self._limits.retry_max)

    async def reached(self, notification_id: int) -> None:
        """Wait until the index contains this notification."""
        while self.position is None or self.position.last_id < notification_id:
            await self._moved.wait()

    async def _follow(self) -> None:
        """One opening of the file. The watcher is attached before the first read, so no commit falls between."""
        with open_database(self._path) as database:
            events = database.update_events()
            self.database = database
            self.position = None
            try:
                while True:
                    await self._catch_up(database)
                    self.attempted.set()
                    await self._wake(events)
            finally:
                self.database = None

    async def _wake(self, events: AsyncIterator[None]) -> None:
        """Wait for the next commit, or for the time of a look without one."""
        try:
            async with asyncio.timeout(self._limits.recheck):
                await anext(events)
        except TimeoutError:
            logger.debug("no commit for a while", extra={"seconds": self._limits.recheck})

    async def _catch_up(self, database: Database) -> None:
        """Bring the index to the file's last commit, by a delta where that is possible.

        While the file's triggers are lost it is not, and each wake reads everything.
        """
        while True:
            try:
                if self.position is None or self._untold:
                    await self._load(database)
                else:
                    await self._read_changes(database, self.position)
            except OutOfStep as step:
                logger.info("reading everything anew", extra={"reason": step.reason.value})
                self.position = None
            except NotMigrated as error:
                return self._complain(error)
            else:
                return None

    async def _load(self, database: Database) -> None:
        loaded = await load_index(
            database,
            self.reader,
            self._provider.index,
            page_rows=self._limits.page_rows,
            freeze_rows=None if self._frozen else self._limits.freeze_rows,
        )
        self._frozen = self._frozen or loaded.frozen
        self._pause, self._complaint = self._limits.retry_first, ""
        self._untold = loaded.untold
        self._log_untold(loaded)
        self._provider.publish_locks(loaded.locks)
        self._provider.publish_rules(loaded.rules)
        self._provider.publish(loaded.index)
        self._provider.publish_credentials(loaded.credentials)
        self._provider.publish_enrolment(loaded.enrolment)
        self.loaded.set()
        self._move(loaded.position)

    def _log_untold(self, loaded: Loaded) -> None:
        """Once when the triggers are lost, once when they are back. Empty tables are those of a migration under way."""
        if not self._untold and self._untold_logged:
            logger.info("every change leaves a notification again")
            self._untold_logged = False
        elif self._untold and not self._untold_logged and not loaded.empty:
            logger.error(
                "changes leave no notification, so everything is read at each commit; `manage.py migrate` mends it",
                extra={"untold": self._untold},
            )
            self._untold_logged = True

    async def _read_changes(self, database: Database, since: Position) -> None:
        limits = self._limits
        changes = await read_changes(
            database, since, self.reader, page_rows=limits.page_rows, max_delta=limits.max_delta
        )
        if changes.locks:
            locks = self._provider.locks.patched(changes.locks, changes.position.last_id)
            self._provider.publish_locks(locks, changes.locked_at)
        if changes.rules:
            self._provider.patch_rules(changes.rules)
        if changes.of_peers:
            self._publish_peers(changes)
        if changes.credentials:
            self._publish_credentials(changes)
        if changes.invites or changes.outcomes:
            enrolment = self._provider.enrolment.patched(changes.invites, changes.outcomes)
            self._provider.publish_enrolment(enrolment, changes.outcomes.keys())
        self._move(changes.position)

    def _publish_peers(self, changes: Changes) -> None:
        """In one swap: a peer that comes with an end is known by both at once."""
        old = self._provider.index
        index = changes.applied_to(old)
        concerned = old.terms.concerned(changes.terms) | index.terms.concerned(changes.terms)
        concerned |= old.grants.concerned(changes.grants) | index.grants.concerned(changes.grants)
        self._provider.publish(index, frozenset(concerned.union(changes.peers)), changes.committed_at)

    def _publish_credentials(self, changes: Changes) -> None:
        credentials = self._provider.credentials.patched(changes.credentials)
        self._provider.publish_credentials(credentials, frozenset(changes.credentials), changes.sealed_at)

    def _move(self, position: Position) -> None:
        self.position = position
        self._moved.set()
        self._moved = asyncio.Event()

    def _complain(self, error: BaseException) -> None:
        """Log what is wrong once, not at every attempt. A stranger's error comes with its traceback.

        That there is no database yet is no trouble before the first load: whoever waits for it says so.
        """
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            expected = isinstance(error, NotMigrated | DatabaseMissing)
            known = logging.WARNING if self.loaded.is_set() else logging.DEBUG
            level = known if expected else logging.ERROR
            logger.log(level, "the index cannot follow its file", extra={"error": text}, exc_info=not expected)
        self._complaint = text
