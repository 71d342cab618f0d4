"""What one hostile caller can have a node hold, by peak memory, with default limits.

Each case has a server process of its own and one connection, as a peer. `peak_mib` is what the server's memory had
grown by at its highest, `counts` the bounds that have bitten. A case above its bound is named in `failures`, and the
exit code is 1.
"""

import argparse
import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from bench import cases
from bench.child import running
from bench.engine_side import HOST
from node.core.connection import BiStream, Connection
from node.core.errors import StreamError
from node.core.paths import DataPaths
from node.handlers.call.handler import ALPN
from node.quic.client.dial import dial_quic

NAME = "hold"
MIB = 1 << 20
STREAMS = 100
MOST_MIB = {"unread": 60.0, "half": 140.0, "flood": 140.0}
"""The sums of `docs/hardening.md`: 8 MiB of answers and one more, 64 and 32 of requests, and copies of one frame."""


def add_options(parser: argparse.ArgumentParser) -> None:
    cases.add_options(parser, CASES, seconds=10.0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    results = cases.run(options, _measure)
    failures = [name for name, result in results.items() if result["peak_mib"] >= MOST_MIB[name]]
    return {"seconds": options.seconds, "cases": results, "failures": failures}


async def _measure(paths: DataPaths, name: str, seconds: float) -> dict[str, Any]:
    async with running(paths, "-m", "bench.call_server", "peers") as server:
        port, pin = (await server.line()).split()
        connection = await dial_quic(HOST, int(port), alpn=ALPN, key=None, pin=pin)
        before = await cases.report(server)
        attack = asyncio.ensure_future(CASES[name](connection))
        await asyncio.wait((attack,), timeout=seconds)
        after = await cases.report(server)
        attack.cancel()
        await asyncio.gather(attack, return_exceptions=True)
        connection.close()
    counts = {key: after[key] for key in after if after[key] and key not in ("rss", "peak")}
    return {"peak_mib": round((after["peak"] - before["rss"]) / MIB, 1), "counts": counts}


def _request(number: int, **payload: Any) -> bytes:
    event = {"type": "call.requested", "id": str(number), "payload": {"operationId": "/bench/fill", **payload}}
    body = json.dumps(event).encode()
    return len(body).to_bytes(4, "big") + body


async def unread(connection: Connection) -> None:
    """A thousand requests for a mebibyte each; nothing is read."""

    async def ask(stream: BiStream, first: int) -> None:
        for number in range(first, first + 10):
            await stream.write(_request(number, input=MIB))

    await _on_all(connection, ask)


async def half(connection: Connection) -> None:
    """On each stream all but the end of a frame of the largest size, as far as it is taken."""

    async def push(stream: BiStream, _: int) -> None:
        await stream.write((64 * MIB).to_bytes(4, "big"))
        for _ in range(63):
            await stream.write(b" " * MIB)

    await _on_all(connection, push)


async def flood(connection: Connection) -> None:
    """Whole requests of four mebibytes, one after the other on each stream."""

    async def push(stream: BiStream, first: int) -> None:
        large = "x" * (4 * MIB)
        for number in range(first, first + 10):
            await stream.write(_request(number, input=10, extra=large))

    await _on_all(connection, push)


async def _on_all(connection: Connection, work: Callable[[BiStream, int], Awaitable[None]]) -> None:
    streams = [await connection.open_bi() for _ in range(STREAMS)]

    async def one(number: int, stream: BiStream) -> None:
        with contextlib.suppress(StreamError):
            await work(stream, 10 * number)

    await asyncio.gather(*(one(number, stream) for number, stream in enumerate(streams)))
    await asyncio.sleep(3600)


CASES: dict[str, Callable[[Connection], Awaitable[None]]] = {case.__name__: case for case in (unread, half, flood)}
