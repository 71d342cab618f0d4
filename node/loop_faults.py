"""What asyncio has to complain of, without its arguments: its own line shows sockets and calls with their addresses.

Of a port that a peer listens on, or a host that it connects to, nothing is to be in a log.
"""

import asyncio
import logging
import os
from typing import Any

logger = logging.getLogger(__name__)


def tell_faults(loop: asyncio.AbstractEventLoop) -> None:
    """From now on the loop's faults are told so."""
    loop.set_exception_handler(_tell)


def _tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What the system says of an OSError names no address, unlike what Python makes of it."""
    error = context.get("exception")
    facts = {"what": str(context.get("message", "")).partition("(")[0], "error": type(error).__name__}
    if isinstance(error, OSError):
        logger.error("fault of the loop", extra={**facts, "reason": os.strerror(error.errno or 0)})
    else:
        logger.error("fault of the loop", extra=facts, exc_info=error)
