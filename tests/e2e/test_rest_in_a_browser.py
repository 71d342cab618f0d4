"""A token is made and shown once, and the page of the API sends requests as whoever is signed in, in a browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import violations
from tests.support.browser import Panel

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(web_panel: Panel) -> Panel:
    return web_panel


def test_a_token_is_made_and_the_api_is_tried(panel: Panel) -> None:
    page = panel.page
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{panel.url}/tokens/apitoken/add/")
    assert violations(page) == []
    page.locator("[name=name]").fill("backup-script")
    page.get_by_label("peers:write").check()
    page.locator("[name=networks]").fill("127.0.0.0/8")
    panel.save()
    token = page.locator("#secret").inner_text()
    assert re.fullmatch(r"alkr_[0-9a-z]{12}_[\w-]{43}", token)
    assert violations(page) == []
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("backup-script")).to_be_visible()
    assert token not in page.content()

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{panel.url}/api/v1/docs")
        page.locator("#operations-Peers-put_peer").wait_for()
        assert violations(page) == []
    _put(page, "laptop")
    expect(page.locator("#operations-Peers-put_peer .live-responses-table")).to_contain_text("201")
    page.goto(f"{panel.url}/peers/peer/")
    expect(page.get_by_role("link", name="laptop", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(f"{panel.url}/api/v1/docs")
    page.locator("#operations-Peers-put_peer").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert panel.complaints == []


def _put(page: Page, name: str) -> None:
    """Open the operation that puts a peer, fill it in and send it."""
    operation = page.locator("#operations-Peers-put_peer")
    operation.locator(".opblock-summary-control").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("peer_id").fill(name)
    operation.locator("textarea.body-param__text").fill('{"scopes": ["git:read"]}')
    operation.get_by_role("button", name="Execute").click()
