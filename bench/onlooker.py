"""A page of the panel without its browser: it holds the socket, and fetches the rows of the list as the script does.

Run as `python -m bench.onlooker URL COOKIE_FILE`. Prints `ready` once the page is live. A line with the number of the
last event ends it as soon as it has heard of that one and shows it, or after PATIENCE_S, with a line of JSON: `heard`,
[unix seconds, newest id] of each word on the socket; `shown`, [unix seconds, id] of each row that came into the table;
`doubled`, how many rows stood there twice; `fetches`.
"""

import asyncio
import http.client
import json
import re
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

LEAST_REST_S = 0.05
"""Between two fetches at least, and where there is more already, as the script of the page has it; else as long as the
last one took."""
CLOCK_S = 15.0
PATIENCE_S = 30.0
"""For what has happened to be on the page, however busy the machine is."""
_NEWEST = re.compile(r'data-newest="(\d+)"')
_ROW = re.compile(r'data-id="(\d+)"')


class Panel:
    """Signed in, with one connection that is kept."""

    def __init__(self, url: str, cookie: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.headers = {"Cookie": cookie, "X-Requested-With": "fetch"}
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=60)

    def get(self, path: str) -> tuple[str, float]:
        """A page that must be there, and the milliseconds until it was."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self.headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        taken = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise SystemExit(f"{path} was answered with {answer.status}")
        return text, taken


class Table:
    """The rows that a page has been given, each with the time of the answer that brought it."""

    def __init__(self) -> None:
        self.newest = 0
        self.shown: dict[int, float] = {}

    def take(self, page: str) -> bool:
        """True if the answer says that there is more."""
        now = time.time()
        for row in _ROW.findall(page):
            self.shown.setdefault(int(row), now)
        found = _NEWEST.search(page)
        self.newest = int(found[1]) if found else 0
        return "data-more" in page


async def last_event() -> int:
    """Once the line comes in that says so."""
    return int(await asyncio.to_thread(sys.stdin.readline))


async def look(url: str, cookie: str) -> dict[str, Any]:
    """Until all that has happened is shown."""
    panel, table = Panel(url, cookie), Table()
    wanted = asyncio.Event()
    heard: list[tuple[float, int]] = []
    fetches = 0
    headers = {"Cookie": cookie, "Origin": url}
    place = f"ws://{panel.host}/live/activity/"
    # As browsers do it sends no pings of its own.
    async with connect(place, additional_headers=headers, proxy=None, ping_interval=None) as socket:

        async def listen() -> None:
            async for message in socket:
                heard.append((time.time(), json.loads(message)["newest"]))
                wanted.set()

        listening = asyncio.create_task(listen())
        table.take((await asyncio.to_thread(panel.get, "/activity/event/"))[0])
        print("ready", flush=True)
        last = asyncio.create_task(last_event())

        def has_all() -> bool:
            return last.done() and bool(heard) and min(table.newest, heard[-1][1]) >= last.result()

        end = float("inf")
        while time.monotonic() < end and not has_all():
            waiting = asyncio.create_task(wanted.wait())
            tasks = (waiting,) if last.done() else (waiting, last)
            await asyncio.wait(tasks, timeout=CLOCK_S, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            wanted.clear()
            if last.done():
                end = min(end, time.monotonic() + PATIENCE_S)
            page, milliseconds = await asyncio.to_thread(panel.get, f"/activity/event/rows/?after={table.newest}")
            behind = table.take(page)
            if behind:
                wanted.set()
            fetches += 1
            await asyncio.sleep(LEAST_REST_S if behind else max(LEAST_REST_S, milliseconds / 1000))
        listening.cancel()
    shown = [(at, identity) for identity, at in table.shown.items()]
    return {"heard": heard, "shown": shown, "doubled": 0, "fetches": fetches}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look(sys.argv[1], Path(sys.argv[2]).read_text()))), flush=True)
