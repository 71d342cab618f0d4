"""Follows a journal in a process of its own. Run as `python -m bench.journal_reader PATH COUNT`.

Prints `ready`, and once it has seen so many ends of connections, as JSON how long after its time each was read (`lag`)
and whether each came once and in order (`complete`).
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from bench.figures import spread
from node.journal.reader import open_journal

PAGE = 500


async def main(path: Path, count: int) -> None:
    lags: list[float] = []
    seen: list[int] = []
    with open_journal(path) as journal:
        journal.watch()
        after = journal.newest or 0
        print("ready", flush=True)
        while len(seen) < count:
            records = journal.read(after, PAGE)
            now = time.time()
            if not records:
                await journal.wait()
                continue
            after = records[-1].number
            ends = [record for record in records if record.kind == "closed"]
            seen += [record.connection or 0 for record in ends]
            lags += [1000 * (now - record.at) for record in ends]
    print(json.dumps({"lag": spread(lags), "complete": len(seen) == count and seen == sorted(set(seen))}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
