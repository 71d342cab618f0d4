"""The node's half of the journal alone: events at a steady rate, through the node's own writer.

Run as `python -m bench.teller JOURNAL PER_SECOND SECONDS PEERS`. Prints `ready`, waits for a line, tells, and prints
how many it has told. Connections begin, are denied something, and end; one event in three is each of these.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench.sample import peer_name
from node.core.journal import Event, EventKind, Json
from node.core.live import Live
from node.journal.limits import JournalLimits
from node.journal.writer import JournalWriter

KINDS = (EventKind.CONNECTED, EventKind.DENIED, EventKind.CLOSED)
_DETAILS: tuple[Mapping[str, Json], ...] = (
    {},
    {"operation": "demo/secret", "message": "not allowed"},
    {"seconds": 0.5, "bytes_sent": 4096, "code": 0},
)


def event(number: int, peers: int) -> Event:
    connection, step = divmod(number, 3)
    return Event(
        KINDS[step],
        connection + 1,
        peer_name(connection % peers),
        f"ed25519:{connection % peers:064x}",
        "alknet/call",
        f"192.0.2.{connection % 250}:4433",
        "not allowed: demo/secret" if step == 1 else "",
        _DETAILS[step],
    )


async def tell(path: Path, per_second: int, seconds: float, peers: int) -> int:
    journal = JournalWriter(path, Live(JournalLimits()))
    writing = asyncio.create_task(journal.run())
    journal.record(Event(EventKind.STARTED))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began, told = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while told < passed * per_second:
            journal.record(event(told, peers))
            told += 1
        await asyncio.sleep(0.001)
    while not await journal.flushed():
        pass
    writing.cancel()
    return told + 1


if __name__ == "__main__":
    print(asyncio.run(tell(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))), flush=True)
