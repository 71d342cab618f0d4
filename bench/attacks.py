"""What each attack does to the honest peers of a node with default limits, and to its memory.

Each attack has a server process of its own. An honest client measures requests of 64 bytes, in turns while the attack
is held and while it goes on, so that whatever else the machine does is in both; under attack it also connects anew once
a second. `p99_ratio` is p99 under attack to p99 without; `grown_mib` is the server's memory at the end of the attack,
above what it was before.
An attack for which a bound does not hold is named in `failures`, and the exit code is 1.
"""

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from bench import cases
from bench.assailants import ASSAULTS
from bench.child import Child, running
from bench.engine_side import ALPN, HOST
from bench.engine_workload import request
from bench.figures import percentile
from node.core.connection import BiStream, Connection
from node.core.errors import DialError
from node.core.paths import DataPaths
from node.quic.client.dial import dial_quic

NAME = "attacks"
PAUSE_S = 0.005
ROUND_S = 5.0
"""Of each turn, about."""

SETTLE_S = 0.3
PATIENCE_S = 60.0
LEAST_RETRIED = {"initials": 2_000}
"""Clients that the node has had prove their address before it is looked at what it holds; on a slow machine it waits
PATIENCE_S for so many."""

MOST_RATIO = 5.0
LEAST_P99_MS = 2.0
"""A p99 below this is taken for this: stalls of some milliseconds come by chance, whatever goes on."""

MOST_CONNECT_S = 1.0
MOST_MIB: dict[str, float] = {"unread": 220.0, "unfinished": 60.0}
"""What an attack may have the server hold: the bounds of `docs/hardening.md` for so many connections."""

MOST_MIB_ELSE = 40.0


def add_options(parser: argparse.ArgumentParser) -> None:
    cases.add_options(parser, ASSAULTS, seconds=20.0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    results = cases.run(options, _measure)
    return {
        "seconds": options.seconds,
        "attacks": results,
        "failures": [name for name, result in results.items() if not _holds(name, result)],
    }


def _holds(name: str, result: dict[str, Any]) -> bool:
    return bool(
        result["p99_ratio"] < MOST_RATIO
        and result["connect_max_s"] < MOST_CONNECT_S
        and result["grown_mib"] < MOST_MIB.get(name, MOST_MIB_ELSE)
    )


async def _in_full(server: Child, name: str) -> dict[str, Any]:
    """What the server says once this attack has done as much as it is to, however little of a core it gets."""
    end = time.monotonic() + PATIENCE_S
    after = await cases.report(server)
    while after["retried"] < LEAST_RETRIED.get(name, 0) and time.monotonic() < end:
        await asyncio.sleep(SETTLE_S)
        after = await cases.report(server)
    return after


class _Opener:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self) -> BiStream:
        return await self._connection.open_bi()


async def _measure(paths: DataPaths, name: str, seconds: float) -> dict[str, Any]:
    async with _server(paths) as (server, port, pin):
        honest = _Opener(await _connect(port, pin))
        await _requests([], honest, 0.5)
        before = await cases.report(server)
        idle: list[float] = []
        under: list[float] = []
        connects: list[float] = []
        rounds = max(1, round(seconds / ROUND_S))
        async with running(paths, "-m", "bench.assailants", name, str(port), pin) as assailant:
            await assailant.line()
            await asyncio.sleep(1.0)
            for _ in range(rounds):
                assailant.pause()
                await asyncio.sleep(SETTLE_S)
                await _requests(idle, honest, seconds / rounds)
                assailant.resume()
                await asyncio.sleep(SETTLE_S)
                await asyncio.gather(
                    _requests(under, honest, seconds / rounds), _connects(connects, port, pin, seconds / rounds)
                )
            after = await _in_full(server, name)
    idle_p99, p99 = (max(percentile(samples, 99), LEAST_P99_MS) for samples in (idle, under))
    return {
        "idle_p99_ms": round(percentile(idle, 99), 2),
        "p50_ms": round(percentile(under, 50), 2),
        "p99_ms": round(percentile(under, 99), 2),
        "p99_ratio": round(p99 / idle_p99, 2),
        "connect_max_s": round(max(connects), 3),
        "grown_mib": round((after["rss"] - before["rss"]) / (1 << 20), 1),
        "after": {
            key: after[key]
            for key in ("hosts", "routes", "streams", "half_open", "floods", "retried", "strangers_dropped")
        },
    }


@contextlib.asynccontextmanager
async def _server(paths: DataPaths) -> AsyncIterator[tuple[Child, int, str]]:
    async with running(paths, "-m", "bench.watched_server", "{}") as server:
        port, pin = (await server.line()).split()
        yield server, int(port), pin


async def _connect(port: int, pin: str) -> Connection:
    return await dial_quic(HOST, port, alpn=ALPN, key=None, pin=pin)


async def _requests(took: list[float], opener: _Opener, seconds: float) -> None:
    """Milliseconds of each request, one after the other."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        await request(opener, 1)
        took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(PAUSE_S)


async def _connects(took: list[float], port: int, pin: str, seconds: float) -> None:
    """Seconds of each new connection, one every second; one that fails counts as endless."""
    for _ in range(max(1, int(seconds))):
        began = time.perf_counter()
        try:
            (await _connect(port, pin)).close()
            took.append(time.perf_counter() - began)
        except DialError:
            took.append(999.0)
        await asyncio.sleep(1.0)
