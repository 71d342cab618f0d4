"""Who was turned away, told in one line for all of them: under a flood a line for each would be a flood of its own."""

import asyncio
import logging
from typing import NoReturn

from node.core.metrics import Metrics

EVERY = 10.0
"""Seconds between two lines."""

logger = logging.getLogger(__name__)


async def report(metrics: Metrics) -> NoReturn:
    """Log for ever how much each count of trouble has grown, where one has; only cancellation ends it."""
    told = metrics.troubles()
    while True:
        await asyncio.sleep(EVERY)
        now = metrics.troubles()
        grown = {name: count - told.get(name, 0) for name, count in now.items() if count != told.get(name, 0)}
        if grown:
            logger.info("turned away", extra={"seconds": EVERY, "counts": grown})
        told = now
