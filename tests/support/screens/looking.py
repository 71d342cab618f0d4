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

STILL = """() => document.getAnimations().every((one) =>
  one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity)"""
"""Nothing fades or slides any more; what turns for ever may."""


class Looker:
    """Looks at pages one after the other; `wrong` collects what it finds, by page and look."""

    def __init__(self, panel: Panel, pictures: Path | None, *, flow: str = "") -> None:
        """Of a flow, whose name is given, the pictures are numbered."""
        self.panel = panel
        self.pictures = pictures
        self.flow = flow
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
        if self.flow:
            name = f"flow-{self.flow}-{len(self.seen):02}-{name}"
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
    page.wait_for_function(STILL)
