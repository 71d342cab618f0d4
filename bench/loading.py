"""One start-up load, measured from within. Run as `python -m bench.loading PATH`; prints one JSON object."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from node.store.sqlite import SqliteStore

TICK_S = 0.001


@contextlib.asynccontextmanager
async def watched_loop() -> AsyncIterator[list[float]]:
    """Milliseconds by which a task that sleeps 1 ms at a time woke up late, for as long as the block runs."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_S)
            late.append((time.perf_counter() - before - TICK_S) * 1000)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(TICK_S * 5)
    late.clear()
    try:
        yield late
    finally:
        await asyncio.sleep(TICK_S * 2)
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)


async def measure(path: Path) -> dict[str, float]:
    store = SqliteStore(path)
    async with watched_loop() as late:
        before = time.perf_counter()
        await store.start()
        await store.wait_loaded()
        load_ms = (time.perf_counter() - before) * 1000
        await asyncio.sleep(0.2)  # the collector's turn, if it is to have one
    await store.stop()
    return {"peers": len(store.index.peers), "load_ms": load_ms, "stall_ms": max(late)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(Path(sys.argv[1])))))
