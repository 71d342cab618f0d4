"""The panel's own scripts do what they say, in a browser."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import Panel
from tests.support.kept_web import KeptWeb
from tests.support.panel import ssh_line

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(web_panel: Panel, kept_web: KeptWeb) -> Panel:
    kept_web.session.add_peer("laptop", key=ssh_line(1))
    return web_panel


def test_a_flipped_switch_says_that_it_is_not_saved(panel: Panel) -> None:
    panel.page.goto(f"{panel.url}/peers/peer/")
    switch = panel.page.locator("input[type=checkbox][name$=-enabled]")
    warning = panel.page.get_by_text("Not saved yet")

    switch.click()
    expect(warning).to_be_visible()
    switch.click()
    expect(warning).to_have_count(0)
    switch.click()
    panel.page.get_by_role("button", name="Save now").click()
    expect(panel.page.get_by_text("Disabled laptop.")).to_be_visible()
    assert not panel.is_enabled("laptop")
    assert panel.complaints == []


def test_leaving_a_list_with_an_unsaved_switch_asks_first(panel: Panel) -> None:
    panel.page.goto(f"{panel.url}/peers/peer/")
    panel.page.locator("input[type=checkbox][name$=-enabled]").click()
    panel.page.on("dialog", lambda dialog: dialog.dismiss())
    with panel.page.expect_event("dialog") as asked:
        panel.page.get_by_role("link", name="API keys").click(no_wait_after=True)

    assert asked.value.type == "beforeunload"
    assert panel.page.url.endswith("/peers/peer/")


def test_a_secret_is_copied_from_the_keyboard(panel: Panel) -> None:
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.page.goto(f"{panel.url}/peers/peer/laptop/issue-token/")
    panel.page.get_by_role("button", name="Issue token").click()
    secret = panel.page.locator("#secret").inner_text()
    button = panel.page.get_by_title("Copy the token")
    button.focus()
    panel.page.keyboard.press("Enter")

    expect(button).to_have_text("Copied")
    assert panel.page.evaluate("navigator.clipboard.readText()") == secret
    assert panel.complaints == []


def test_without_a_clipboard_the_old_way_copies_too(panel: Panel) -> None:
    panel.page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    panel.page.goto(f"{panel.url}/peers/peer/laptop/change/")
    button = panel.page.locator(".alknet-key .alknet-copy").first
    button.click()

    expect(button).to_have_text("Copied")
    assert panel.complaints == []


def test_the_side_bar_is_hidden_from_the_keyboard(panel: Panel) -> None:
    panel.page.goto(f"{panel.url}/peers/peer/")
    bar, toggle = (
        panel.page.locator("#nav-sidebar-apps"),
        panel.page.get_by_role("button", name="Show or hide the side bar"),
    )
    toggle.focus()
    panel.page.keyboard.press("Enter")
    expect(bar).to_be_hidden()
    panel.page.keyboard.press("Enter")
    expect(bar).to_be_visible()
    assert panel.complaints == []
