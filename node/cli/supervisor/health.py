"""Does the panel really answer? One HTTP/1.1 request by hand: a client library would cost more than the question."""

import asyncio
from contextlib import suppress

from node.core.address import format_host_port
from node.core.identity import Address

_PAUSE = 0.05
_ANSWER_TIMEOUT = 5.0


async def wait_healthy(address: Address) -> None:
    """Return once GET /healthz answers 200. The caller sets the time limit."""
    while True:
        if await is_healthy(address):
            return
        await asyncio.sleep(_PAUSE)


async def is_healthy(address: Address) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            return await _ask(address)
    except (OSError, TimeoutError, ValueError):
        return False


async def _ask(address: Address) -> bool:
    reader, writer = await asyncio.open_connection(*address, limit=4096)
    try:
        host = format_host_port(address)
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status = (await reader.readline()).split()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return len(status) > 1 and status[0].startswith(b"HTTP/1.") and status[1] == b"200"
