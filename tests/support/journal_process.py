"""A process that journals connections until it is killed, and says of which the file must know by then.

Run as `python -m tests.support.journal_process FILE`. Each line is the id of a connection that began a tenth of a
second ago, much longer than events are gathered.
"""

import asyncio
import sys
from pathlib import Path

from node.core.journal import Event, EventKind
from node.core.live import Live
from node.journal.limits import JournalLimits
from node.journal.writer import JournalWriter

LONG = 0.1


async def main(path: Path) -> None:
    journal = JournalWriter(path, Live(JournalLimits()))
    writing = asyncio.create_task(journal.run())
    journal.record(Event(EventKind.STARTED))
    told = []
    for connection in range(1_000_000):
        journal.record(Event(EventKind.CONNECTED, connection, "laptop"))
        told.append(asyncio.create_task(tell(connection)))
        await asyncio.sleep(0.001)
    await writing


async def tell(connection: int) -> None:
    await asyncio.sleep(LONG)
    for _ in range(10):
        await asyncio.sleep(0)  # where the loop was held up for long, what was due before this comes first
    print(connection, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
