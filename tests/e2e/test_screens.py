"""Every page of the panel in a browser, over a whole appliance that looks lived in.

With --pictures DIR each is kept as it looks on a phone and on a desk, in the light and in the dark, and DIR/index.html
shows all of them; `scripts/pictures` does that.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import LiveClient
from tests.support.appliance import Appliance
from tests.support.browser import Panel
from tests.support.screens.life import lived_in
from tests.support.screens.looking import Looker
from tests.support.screens.pages import screens

pytestmark = pytest.mark.browser


@pytest.fixture
def looker(page: Page, appliance: Appliance, request: pytest.FixtureRequest) -> Iterator[Looker]:
    """By its name: passkeys take no address."""
    place = request.config.getoption("--pictures")
    url = appliance.ready["panel_url"].replace("127.0.0.1", "localhost")
    looker = Looker(Panel(page, url), Path(place) if place else None)
    yield looker
    looker.write_sheet()


def set_up(looker: Looker, appliance: Appliance) -> None:
    looker.panel.set_up(appliance.ready["setup_url"].replace("127.0.0.1", "localhost"))


@pytest.fixture
def things(
    looker: Looker, appliance: Appliance, connect: Callable[[Path], LiveClient], tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """What pages are about, on an appliance whose administrator is signed in."""
    set_up(looker, appliance)
    with lived_in(appliance, tmp_path) as things:
        connect(things["identity"]), connect(things["identity"])
        yield things


def test_every_page(looker: Looker, things: dict[str, Any]) -> None:
    for screen in screens(things):
        looker.visit(screen.name, screen.path)
    looker.panel.complaints = [one for one in looker.panel.complaints if not expected(one)]
    assert (looker.wrong, looker.panel.complaints) == ({}, [])


def expected(complaint: str) -> bool:
    """Chromium complains of a page that is there to say that something is not."""
    return any(f"/{path}/: Failed to load" in complaint for path in ("identities/error", "is/nothing/here"))
