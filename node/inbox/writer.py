"""The inbox as the node writes it. The file is opened for each write: claims are rare, and it may have been replaced.

A write is synced to the disk before it is told of: a claim that the joiner was told is kept survives a power failure.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from node.core.enrolment.claim import Claim, Inbox, InboxFailed, InboxFull
from node.honker_file import Transaction
from node.inbox.schema import INSERT, LAST, PRESENT, TABLES, TAKEN, row
from node.journal.database import opened

MAX_CLAIMS = 1_000
"""Claims that wait for the web process at a time."""
MAX_AGE = 7 * 86_400.0
"""Seconds after which a claim that nobody took is given up."""
PATIENCE = 2.0
"""Seconds that a write waits while another process holds the file's lock."""
_PAUSE = 0.01
_PROBE = "DELETE FROM _honker_notifications WHERE 0"

logger = logging.getLogger(__name__)


class InboxWriter(Inbox):
    """The inbox in the file at `path`, which is made with mode 0600 where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()

    async def put(self, claim: Claim) -> int:
        given = 0

        def write(tx: Transaction) -> None:
            nonlocal given
            for statement in TABLES:
                tx.execute(statement)
            _identify(tx)
            tx.execute("DELETE FROM inbox WHERE claim_id = ? OR at < ?", [claim.claim_id, time.time() - MAX_AGE])
            if int(tx.query("SELECT count(*) AS n FROM inbox")[0]["n"]) >= MAX_CLAIMS:
                raise InboxFull
            given = max(int(tx.query(LAST)[0]["n"]) + 1, int(time.time() * 1000))
            tx.execute(INSERT, [given, *row(claim)])

        await self._commit(write)
        return given

    async def forget(self, taken: Mapping[str, int]) -> None:
        numbers = msgspec.json.encode(dict(taken)).decode()

        def write(tx: Transaction) -> None:
            if tx.query(PRESENT):
                tx.execute(TAKEN, [numbers])

        try:
            await self._commit(write)
        except InboxFailed as error:
            logger.warning("the inbox cannot be tidied", extra={"error": str(error)})

    async def _commit(self, work: Callable[[Transaction], None]) -> None:
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE):
                    while not self._try(work):  # noqa: ASYNC110 - no event tells of another process's lock
                        await asyncio.sleep(_PAUSE)
            except TimeoutError:
                raise InboxFailed("node.db is locked by another process") from None

    def _try(self, work: Callable[[Transaction], None]) -> bool:
        """False if another process has the file's lock. Raises InboxFull, InboxFailed."""
        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with opened(self._path, patience_ms=0) as database:
                # honker's writing connection would wait 5 s for another process's lock, and the loop with it.
                database.query(_PROBE)
                with database.transaction() as tx:
                    tx.query("PRAGMA busy_timeout = 0")
                    work(tx)
                _sync(self._path)
        except RuntimeError as error:
            if "locked" in str(error):
                return False
            raise InboxFailed(str(error)) from error
        except OSError as error:
            raise InboxFailed(error.strerror or str(error)) from error
        return True


def _identify(tx: Transaction) -> None:
    if not tx.query("SELECT 1 FROM inbox_identity"):
        tx.execute("INSERT INTO inbox_identity (id) VALUES (?)", [secrets.token_hex(16)])


def _sync(path: Path) -> None:
    """What was committed stands in the write-ahead log, on which SQLite holds no lock that a close could drop."""
    with contextlib.suppress(FileNotFoundError):  # carried into the file itself, and synced there
        log = os.open(path.with_name(f"{path.name}-wal"), os.O_RDONLY)
        try:
            os.fsync(log)
        finally:
            os.close(log)
