"""The pages of what happens as they look, on a phone and on a desk, in the light and in the dark; pictures are kept.

They lie in the test's own directory, which pytest keeps for its last three runs, or in that of --pictures.
"""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import LiveClient
from tests.e2e.test_panel_looks import HIDDEN_WIDTH
from tests.support.appliance import Appliance, alknet
from tests.support.axe import OF_COLOURS, RULES, violations
from tests.support.browser import Panel

pytestmark = pytest.mark.browser

PAGES = {
    "dashboard": "/",
    "activity": "/activity/event/",
    "filtered": "/activity/event/?kind=nonsense&peer=laptop",
    "nothing": "/activity/event/?text=nothing+says+this",
    "event": "",
    "connections": "/activity/connection/",
    "peers": "/peers/peer/",
    "peer": "/peers/peer/laptop/change/",
    "locks": "/locks/lock/",
    "lock": "/locks/lock/add/",
    "everything": "/locks/lock/everything/",
    "health": "/health/",
    "backups": "/backups/backup/",
    "changes": "/audit/auditentry/",
    "change": "/audit/auditentry/2/change/",
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
THEME = "#changelist-search, #changelist-form thead, .selector, #submit-row"
"""Parts of these pages that the theme makes."""


@pytest.fixture
def life(panel: Panel, appliance: Appliance, connect: Callable[[Path], LiveClient], tmp_path: Path) -> dict[str, str]:
    """A peer with two connections, a lock, and a stranger whose connection has ended; the addresses of the pages."""
    identity = tmp_path / "identity"
    key = json.loads(alknet("id", "--identity", str(identity), "--json").stdout)["openssh"]
    panel.add_peer("laptop", key=key)
    connect(identity), connect(identity)
    ready = appliance.ready
    appliance.run("lock", "scope", "fs:write", "--reason", "until the disk is mended", "--message", "read only today")
    alknet("call", ready["node_address"], "--pin", ready["node_fingerprint"], "--anonymous", "node/whoami")
    panel.page.goto(f"{panel.url}/activity/event/")
    rows = panel.page.locator("[data-tail] tbody tr")
    expect(rows.filter(has_text="Closed")).to_have_count(1)
    address = rows.filter(has_text="laptop").first.get_by_role("link").first.get_attribute("href")
    assert address is not None
    return {**PAGES, "event": address}


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = Path(request.config.getoption("--pictures") or tmp_path / "pictures")
    place.mkdir(parents=True, exist_ok=True)
    return place


def test_every_page_fits_is_within_reach_of_everybody_and_has_its_picture(
    panel: Panel, life: dict[str, str], pictures: Path, request: pytest.FixtureRequest
) -> None:
    """axe judges what these pages bring, in the dark its colours; all of it, and on a phone, with --pictures.

    The theme around them is its makers'.
    """
    page, found, thorough = panel.page, {}, bool(request.config.getoption("--pictures"))
    page.emulate_media(reduced_motion="reduce")
    for scheme, (name, address) in product(SCHEMES, life.items()):
        page.emulate_media(color_scheme=scheme)
        page.goto(panel.url + address)  # anew: the theme follows a change of the scheme late
        for width in (375, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            where = f"{name}-{width}-{scheme}"
            page.screenshot(path=pictures / f"{where}.png", full_page=True)
            assert page.evaluate(HIDDEN_WIDTH) == [], where
            if width == 1280 or thorough:
                rules = RULES if thorough or scheme == "light" else OF_COLOURS
                found[where] = violations(page, within="#main", without=THEME, rules=rules)
    assert not any(found.values()), {where: rules for where, rules in found.items() if rules}
    assert panel.complaints == []
