"""One page as it looks: four pictures of it, and what is wrong with it that a program can see."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.support.axe import violations
from tests.support.browser import PASSWORD, Panel

Scheme = Literal["light", "dark"]
WIDTHS = (375, 1280)
CONFIRM = "/account/reauthenticate/"
JUDGED: tuple[tuple[int, Scheme], ...] = ((375, "dark"), (1280, "light"))
"""Where axe has its say: each width and each scheme once."""
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

TOO_WIDE = """() => {
  const inside = (e) => { for (let up = e.parentElement; up; up = up.parentElement) {
    if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return true; } return false; };
  const own = '.alknet-steps, .alknet-changes, .alknet-events, .alknet-charts, .alknet-facts, .alknet-key, ' +
    '.alknet-node-problem, .alknet-checks, .alknet-note';
  const found = [...document.querySelectorAll(own)].filter((e) => !inside(e)).concat(document.documentElement);
  return found.filter((e) => e.scrollWidth > e.clientWidth)
    .map((e) => `${e.className || e.tagName} is ${e.scrollWidth - e.clientWidth} px too wide`);
}"""
"""What is wider than the screen, or hides part of itself, says which and by how much."""


class Looker:
    """Looks at pages one after the other; `wrong` collects what it finds, by page and look."""

    def __init__(self, panel: Panel, pictures: Path | None) -> None:
        self.panel = panel
        self.pictures = pictures
        self.seen: list[str] = []
        self.wrong: dict[str, list[str]] = {}

    def visit(self, name: str, path: str) -> None:
        """Go to a page, and look at it. Where a fresh proof of who one is comes before it, that is given."""
        page = self.panel.page
        page.goto(self.panel.url + path)
        if CONFIRM in page.url and CONFIRM not in path:
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Confirm").click()
            page.goto(self.panel.url + path)
        self.look(name)

    def look(self, name: str) -> None:
        """Look at the page that is open, on a phone and a desk; with pictures, on each in the light and the dark."""
        page = self.panel.page
        self.seen.append(name)
        page.evaluate("document.fonts.ready.then(() => null)")
        for width, scheme in self._looks():
            page.set_viewport_size({"width": width, "height": 800})
            wear(page, scheme)
            where = f"{name} at {width}, {scheme}"
            self._note(where, page.evaluate(TOO_WIDE))
            if (width, scheme) in self._judged():
                self._note(where, violations(page))
            if self.pictures:
                page.screenshot(path=self.pictures / f"{name}-{width}-{scheme}.png", full_page=True)

    def write_sheet(self) -> None:
        """A page beside the pictures that shows all of them."""
        if self.pictures:
            (self.pictures / "index.html").write_text(contact_sheet(self.seen))

    def _looks(self) -> Iterator[tuple[int, Scheme]]:
        yield from product(WIDTHS, SCHEMES) if self.pictures else JUDGED

    def _judged(self) -> tuple[tuple[int, Scheme], ...]:
        """Without pictures each page is judged once, and every other one on a phone."""
        return JUDGED if self.pictures else JUDGED[len(self.seen) % 2 :][:1]

    def _note(self, where: str, found: list[str]) -> None:
        if found:
            self.wrong.setdefault(where, []).extend(found)


def wear(page: Page, scheme: Scheme) -> None:
    """Change the scheme. The theme looks for it when a page is loaded, and is told here what it would find."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("(dark) => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")


def contact_sheet(names: list[str]) -> str:
    """HTML with a row for each page: its four pictures, each of which opens by a click."""
    rows = []
    for name in names:
        files = [f"{name}-{width}-{scheme}.png" for width, scheme in product(WIDTHS, SCHEMES)]
        shown = "".join(f'<a href="{file}"><img loading="lazy" src="{file}" alt="{file}"></a>' for file in files)
        rows.append(f'<h2 id="{name}">{name}</h2><p>{shown}</p>')
    style = "body{font:14px sans-serif;background:#888}p{display:flex;gap:8px;align-items:start}img{height:420px}"
    return f"<!DOCTYPE html><meta charset=utf-8><title>The panel</title><style>{style}</style>{''.join(rows)}\n"
