"""The list of events in a headless Chromium, by Playwright: what bench.onlooker tells, seen for real.

Run as `python -m bench.browser URL COOKIE_FILE`.
"""

import asyncio
import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright
from playwright.async_api import TimeoutError as Late

from bench.onlooker import PATIENCE_S, last_event

_WATCH = """
window.seen = {rows: [], doubled: 0, heard: [], fetches: 0};
const fetching = window.fetch;
window.fetch = (...what) => { window.seen.fetches += 1; return fetching(...what); };
window.WebSocket = class extends WebSocket {
  constructor(...what) {
    super(...what);
    this.addEventListener("message", (event) => {
      window.seen.heard.push([Date.now() / 1000, JSON.parse(event.data).newest]);
    });
  }
};
new MutationObserver((changes) => {
  const come = changes.flatMap((change) => [...change.addedNodes])
    .flatMap((node) => !node.querySelectorAll ? [] : [node, ...node.querySelectorAll("tr")])
    .filter((node) => node.matches("tr[data-id]")).map((row) => Number(row.dataset.id));
  if (come.length) {
    window.requestAnimationFrame(() => {
      const now = Date.now() / 1000;
      const there = [...document.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id);
      window.seen.doubled += there.length - new Set(there).size;
      come.forEach((id) => window.seen.rows.push([now, id]));
    });
  }
}).observe(document, {childList: true, subtree: true});
"""
"""Each row with the time of the frame that shows it first."""


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-headless-shell"))), None)


async def look(url: str, cookie: str) -> dict[str, Any]:
    """Until all that has happened is shown. Chromium as root has no sandbox; it sees no page but ours."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        try:
            return await _look(browser, url, cookie)
        finally:
            await browser.close()


async def _look(browser: Browser, url: str, cookie: str) -> dict[str, Any]:
    context = await browser.new_context()
    pairs = (part.split("=", 1) for part in cookie.split("; "))
    await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in pairs])
    await context.add_init_script(_WATCH)
    page = await context.new_page()
    await page.goto(f"{url}/activity/event/")
    await page.get_by_text("Live", exact=True).wait_for()
    print("ready", flush=True)
    last = await last_event()
    with contextlib.suppress(Late):
        await page.locator(f'tr[data-id="{last}"]').wait_for(state="attached", timeout=PATIENCE_S * 1000)
    seen = await page.evaluate("window.seen")
    first: dict[int, float] = {}
    for at, identity in seen.pop("rows"):
        first.setdefault(identity, at)
    shown = [(at, identity) for identity, at in first.items()]
    return {**seen, "shown": shown}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look(sys.argv[1], Path(sys.argv[2]).read_text()))), flush=True)
