"""Checkpoints in time: the web process takes one whenever the newest is old enough and changes came after it.

It needs no cron, and catches up after a time in which nothing ran. Where the node is down or its vault locked, it is
tried again at each look, and the log says so once.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, connection

from apps.audit.checkpoints import NoCheckpoint, newest_checkpoint, take_checkpoint
from apps.audit.rows import head

FIRST_LOOK = 20.0
"""Seconds after the start: node and vault may need that long to be ready."""
LOOK_EVERY = 300.0
"""Seconds between two looks."""

logger = logging.getLogger(__name__)


async def keep_checkpoints(hours: float) -> None:
    """Look for ever whether a checkpoint is due. None ever is where `hours` is 0."""
    told = ""
    await asyncio.sleep(FIRST_LOOK)
    while hours > 0:
        problem = await asyncio.to_thread(_take_where_due, timedelta(hours=hours))
        if problem and problem != told:
            logger.warning("no checkpoint of the audit log was taken", extra={"reason": problem})
        told = problem
        await asyncio.sleep(LOOK_EVERY)


def sign_where_possible() -> None:
    """Have the log signed, for a copy of it that is about to be made. Where that cannot be, our own log says so.

    Call it outside of a transaction.
    """
    try:
        take_checkpoint()
    except (NoCheckpoint, DatabaseError) as error:
        logger.warning("no checkpoint of the audit log was taken", extra={"reason": str(error)})


def is_due(age: timedelta) -> bool:
    """Whether the log has grown since the newest checkpoint, and that is at least so old."""
    newest, (last, _) = newest_checkpoint(), head()
    if newest is None:
        return last > 0
    signed_at = datetime.strptime(newest.signed_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return last != newest.number and datetime.now(UTC) - signed_at >= age


def _take_where_due(age: timedelta) -> str:
    """Why none was taken although one is due; empty where all is well. For a thread of its own."""
    try:
        if is_due(age):
            checkpoint = take_checkpoint()
            logger.info("took a checkpoint of the audit log", extra={"number": checkpoint.number})
    except (NoCheckpoint, DatabaseError) as error:
        return str(error)
    finally:
        connection.close()
    return ""
