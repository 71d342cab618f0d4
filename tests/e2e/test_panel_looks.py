"""The panel in a browser as it looks: nothing is cut off on a narrow screen, and its own scripts do what they say."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import Panel
from tests.support.panel import ssh_line

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/peers/peer/",
    "/peers/peer/laptop/change/",
    "/peers/peer/laptop/delete/",
    "/peers/peer/files/",
    "/peers/peer/laptop/rotate-key/",
    "/panel/savedfilter/",
    "/peers/apikey/add/",
    "/credentials/credential/",
    "/credentials/credential/add/",
    "/locks/lock/",
    "/access/?who=laptop&alpn=alknet/call&scopes=fs:read,fs:write&resource_type=repo",
    "/access/?who=laptop&scopes=fs:read,fs:write&resource_type=repo&resource=a-repository-with-a-rather-long-name",
    "/access/assertion/",
    "/access/assertion/add/",
    "/access/grant/",
    "/access/grant/add/",
    "/locks/lock/add/",
    "/locks/lock/everything/",
    "/enrolment/invite/",
    "/enrolment/invite/add/",
    "/enrolment/claim/",
    "/enrolment/stranger/",
    "/activity/event/",
    "/activity/connection/",
    "/audit/auditentry/",
    "/backups/backup/",
    "/health/",
    "/auth/user/add/",
    "/tokens/apitoken/",
    "/tokens/apitoken/add/",
    "/api/v1/docs",
]
HIDDEN_WIDTH = """() => [...document.querySelectorAll(
  '.alknet-steps, .alknet-changes, .alknet-events, .alknet-charts, .alknet-facts, .alknet-key, .alknet-node-problem, ' +
  '.alknet-checks, .alknet-note')]
  .concat(document.documentElement).map(e => e.scrollWidth - e.clientWidth).filter(extra => extra > 0)"""


@pytest.fixture
def panel(web_panel: Panel) -> Panel:
    return web_panel


def test_no_page_is_wider_than_the_screen(panel: Panel) -> None:
    for width in (375, 1280):
        assert hidden_width(panel, "/", width) == [], f"the first steps at {width}"
    panel.add_peer("laptop", key=ssh_line(1), scopes="fs:read")
    for width in (375, 1280):
        for path in PAGES:
            assert hidden_width(panel, path, width) == [], f"{path} at {width}"
    assert panel.complaints == []


def hidden_width(panel: Panel, path: str, width: int) -> list[int]:
    """By how many pixels the page, or a part of it that hides what is too wide, is wider than it may be."""
    panel.page.set_viewport_size({"width": width, "height": 800})
    panel.page.goto(panel.url + path)
    found: list[int] = panel.page.evaluate(HIDDEN_WIDTH)
    return found


def test_a_flipped_switch_says_that_it_is_not_saved(panel: Panel) -> None:
    panel.add_peer("laptop", key=ssh_line(1))
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
    panel.add_peer("laptop", key=ssh_line(1))
    panel.page.goto(f"{panel.url}/peers/peer/")
    panel.page.locator("input[type=checkbox][name$=-enabled]").click()
    panel.page.on("dialog", lambda dialog: dialog.dismiss())
    with panel.page.expect_event("dialog") as asked:
        panel.page.get_by_role("link", name="API keys").click(no_wait_after=True)

    assert asked.value.type == "beforeunload"
    assert panel.page.url.endswith("/peers/peer/")


def test_a_secret_is_copied_from_the_keyboard(panel: Panel) -> None:
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.add_peer("laptop", key=ssh_line(1))
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
    panel.add_peer("laptop", key=ssh_line(1))
    panel.page.goto(f"{panel.url}/peers/peer/laptop/change/")
    button = panel.page.locator(".alknet-key .alknet-copy").first
    button.click()

    expect(button).to_have_text("Copied")
    assert panel.complaints == []
