"""A page of the panel without its browser: it holds the socket, and fetches the rows of the list as the script does.

Run as `python -m bench.onlooker URL COOKIE_FILE`. Prints `ready` once its socket is open. A line that comes in ends
it, with a line of JSON: `heard`, [unix seconds, newest id] of each word on the socket; `shown`, the same of each answer
that was fetched; `fetch_ms`, how long that took.
"""

import asyncio
import http.client
import json
import re
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

REST_S = 0.2
"""Between two fetches, as the script of the page has it."""
CLOCK_S = 15.0
_NEWEST = re.compile(r'data-newest="(\d+)"')


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


def newest(page: str) -> int:
    found = _NEWEST.search(page)
    return int(found[1]) if found else 0


async def look(url: str, cookie: str) -> dict[str, list[object]]:
    """Until a line comes in."""
    panel = Panel(url, cookie)
    wanted = asyncio.Event()
    heard: list[object] = []
    shown: list[object] = []
    taken: list[object] = []
    headers = {"Cookie": cookie, "Origin": url}
    place = f"ws://{panel.host}/live/activity/"
    # As browsers do it sends no pings of its own.
    async with connect(place, additional_headers=headers, proxy=None, ping_interval=None) as socket:

        async def listen() -> None:
            async for message in socket:
                heard.append((time.time(), json.loads(message)["newest"]))
                wanted.set()

        listening = asyncio.create_task(listen())
        after = newest((await asyncio.to_thread(panel.get, "/activity/event/"))[0])
        print("ready", flush=True)
        enough = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        while not enough.done():
            waiting = asyncio.create_task(wanted.wait())
            await asyncio.wait((waiting, enough), timeout=CLOCK_S, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            wanted.clear()
            page, milliseconds = await asyncio.to_thread(panel.get, f"/activity/event/rows/?after={after}")
            after = newest(page)
            shown.append((time.time(), after))
            taken.append(milliseconds)
            await asyncio.sleep(REST_S)
        listening.cancel()
    return {"heard": heard, "shown": shown, "fetch_ms": taken}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look(sys.argv[1], Path(sys.argv[2]).read_text()))), flush=True)
