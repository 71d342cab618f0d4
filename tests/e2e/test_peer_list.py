"""The list of peers in a browser: searched while one types, and by the keyboard."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import Panel
from tests.support.kept_web import KeptWeb
from tests.support.panel import ssh_line

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(web_panel: Panel, kept_web: KeptWeb) -> Panel:
    for number, name in enumerate(("desk", "laptop", "lamp")):
        kept_web.session.add_peer(name, key=ssh_line(number), scopes="fs:read")
    web_panel.page.goto(f"{web_panel.url}/peers/peer/")
    return web_panel


def test_what_is_typed_is_found_and_the_rest_goes_on_working(panel: Panel) -> None:
    page, rows = panel.page, panel.page.locator("tr.data-row")
    page.keyboard.press("/")
    page.keyboard.type("la")
    expect(rows).to_have_count(2)
    expect(page.locator("#search-found")).to_have_text("2 found")
    assert page.url.endswith("/peers/peer/?q=la")
    assert page.evaluate("document.activeElement.id") == "searchbar"
    page.locator("#searchbar").fill(ssh_line(1))
    expect(rows).to_have_count(1)

    rows.locator("input[type=checkbox][name$=-enabled]").click()
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    rows.locator("input[type=checkbox][name$=-enabled]").click()
    rows.locator("input.action-select").check()
    expect(page.get_by_text("1 of 1 selected")).to_be_visible()
    page.select_option("select[name=action]", "disable_peers")
    page.once("dialog", lambda dialog: dialog.accept())  # a switch was touched
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("heading", name="Disable 1 peer?")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("Disabled 1 peer.")).to_be_visible()
    assert not panel.is_enabled("laptop")
    assert panel.complaints == []


def test_scopes_for_many_say_whom_they_change_while_they_are_typed(panel: Panel) -> None:
    page = panel.page
    for box in page.locator("input.action-select").all():
        box.check()
    page.select_option("select[name=action]", "add_scopes")
    page.get_by_role("button", name="Run").click()
    page.locator("#id_scopes").press_sequentially("fs:read")
    expect(page.get_by_text("0 of 3 selected will change")).to_be_visible()
    page.locator("#id_scopes").press_sequentially(", git")
    expect(page.get_by_text("3 of 3 selected will change")).to_be_visible()
    page.get_by_role("button", name="Add scopes").click()
    expect(page.get_by_text("Added scopes to 3 peers.")).to_be_visible()
    assert panel.complaints == []


def test_the_keyboard_has_a_list_of_its_own_and_reaches_the_filters(panel: Panel) -> None:
    page = panel.page
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("By scope").first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/activity/connection/")
    assert panel.complaints == []


def test_who_is_signed_out_meanwhile_is_led_to_sign_in(panel: Panel) -> None:
    panel.page.route("**/connection/presence/**", lambda route: route.abort())  # the live column, which leads there too
    panel.page.context.clear_cookies(name="alknet_session")
    panel.page.locator("#searchbar").fill("desk")
    panel.page.wait_for_url("**/account/login/**")
    assert "next=/peers/peer/" in panel.page.url
