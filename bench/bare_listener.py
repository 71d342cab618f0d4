"""honker alone, the yardstick: hears each notification and notes when, and does nothing with it.

Run as `python -m bench.bare_listener PATH COUNT`. Prints `ready`, then the unix nanoseconds of each notification.
"""

import asyncio
import sys
import time

import honker


async def main(path: str, count: int) -> None:
    database = honker.open(path)
    notifications = database.listen("peers_changed")
    print("ready", flush=True)
    for _ in range(count):
        await anext(notifications)
        print(time.time_ns(), flush=True)
    database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
