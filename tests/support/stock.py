"""What tests of stock aioquic 1.7.2 beside our engine have in common.

Where such a test fails for `stock`, aioquic has been mended, and something of ours may be given back.
"""

import asyncio

import pytest

from node.core.errors import StreamError
from tests.support.quic import LONG

KIB = 1024
MIB = 1024 * KIB
PATIENCE = 0.4
"""Seconds after which what should come at once is taken not to come."""

both = pytest.mark.parametrize("side", ["stock", "ours"])


async def comes(awaitable, *, expected):
    """Whether it comes; what it raises counts as coming. What is expected is waited for long."""
    try:
        await asyncio.wait_for(awaitable, LONG if expected else PATIENCE)
    except TimeoutError:
        return False
    except StreamError:
        return True
    return True
