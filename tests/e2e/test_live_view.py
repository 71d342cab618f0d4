"""What happens, as it happens, in a real browser beside a real node: events, an end to a connection, no socket."""

import itertools
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.e2e.conftest import LiveClient
from tests.support.appliance import Appliance, alknet
from tests.support.browser import PASSWORD, Panel
from tests.support.kept_appliance import KeptAppliance

pytestmark = [pytest.mark.browser]

CONNECTED = "tr:has-text('Connected')"
ROWS = "[data-tail] tbody tr"


NUMBERS = itertools.count(1)


class Laptop(NamedTuple):
    """A peer that may connect. No other test's has its name."""

    name: str
    identity: Path


@pytest.fixture
def appliance(kept_appliance: KeptAppliance) -> Appliance:
    return kept_appliance.appliance


@pytest.fixture
def keeper(kept_appliance: KeptAppliance) -> KeptAppliance:
    return kept_appliance


@pytest.fixture
def laptop(keeper: KeptAppliance, panel: Panel, tmp_path: Path) -> Laptop:
    laptop = Laptop(f"laptop-{next(NUMBERS)}", tmp_path / "identity")
    key = json.loads(alknet("id", "--identity", str(laptop.identity), "--json").stdout)["openssh"]
    keeper.session.add_peer(laptop.name, key=key)
    return laptop


@pytest.fixture
def no_socket(page: Page) -> list[str]:
    """A network that lets no WebSocket through; the addresses that were tried."""
    tried: list[str] = []

    def refuse(route: WebSocketRoute) -> None:
        tried.append(route.url)
        route.close(code=1011, reason="no sockets here")

    page.route_web_socket(re.compile(".*"), refuse)
    return tried


def connected_in(appliance: Appliance, peer: str) -> list[float]:
    """When the peer connected, as the panel's database has them (unix seconds)."""
    with closing(sqlite3.connect(appliance.data / "alknet.db")) as database:
        when = "SELECT (julianday(at) - 2440587.5) * 86400 FROM activity_event"
        rows = database.execute(f"{when} WHERE kind = 'connected' AND peer_id = ? ORDER BY id", [peer])
        return [at for (at,) in rows]


def test_events_appear_while_the_page_is_looked_at(
    panel: Panel, appliance: Appliance, laptop: Laptop, connect: Callable[[Path], LiveClient]
) -> None:
    page = panel.page
    page.goto(f"{panel.url}/activity/event/?kind=connected&peer={laptop.name}")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    expect(page.get_by_text("No event is like that")).to_be_visible()

    client = connect(laptop.identity)
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(ROWS)).to_contain_text(laptop.name)
    expect(page.get_by_text("No event is like that")).to_be_hidden()

    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-live-state]")).to_have_text("Paused")
    client.stop()
    connect(laptop.identity)
    page.wait_for_timeout(1000)  # nothing is to happen
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(ROWS)).to_have_count(2)
    expect(page.locator("[data-live-news]")).to_have_text(re.compile("new event"))

    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page.get_by_text("is open, since")).to_be_visible()
    assert re.search(r"/activity/event/\d+/$", page.url), "the address of one event"
    assert panel.complaints == []


def test_a_connection_is_cut_and_its_row_goes(
    panel: Panel, laptop: Laptop, connect: Callable[[Path], LiveClient]
) -> None:
    page = panel.page
    page.goto(f"{panel.url}/activity/connection/")
    expect(page.get_by_text("Nobody is connected")).to_be_visible()
    first, second = connect(laptop.identity), connect(laptop.identity)
    buttons = page.get_by_role("button", name=re.compile(f"Cut the connection of {laptop.name}"))
    expect(buttons).to_have_count(2)

    buttons.last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"The connection of “{laptop.name}” was cut")).to_be_visible()
    end = first.next_line()
    assert (end["code"], end["reason"]) == (0x43, "disconnected by an administrator")
    expect(buttons).to_have_count(1)
    second.stop()

    page.goto(panel.url)
    expect(page.get_by_text("cut the connection").first).to_be_visible()
    page.goto(f"{panel.url}/activity/event/?kind=closed&peer={laptop.name}")
    expect(page.locator(ROWS, has_text="disconnected by an administrator")).to_have_count(1)
    assert panel.complaints == []


def test_presence_and_the_dashboard_follow(panel: Panel, laptop: Laptop, connect: Callable[[Path], LiveClient]) -> None:
    page = panel.page
    page.goto(f"{panel.url}/peers/peer/")
    row = page.locator("tr", has=page.get_by_role("link", name=laptop.name, exact=True))
    expect(row).to_contain_text("Never seen")
    switch = row.locator("input[type=checkbox][name$=-enabled]")
    switch.click()
    connect(laptop.identity)
    expect(row).to_contain_text("Connected")
    expect(row).to_contain_text("Not saved yet")
    assert not switch.is_checked(), "what was not saved yet is still there"
    switch.click()

    page.goto(panel.url)
    figures = page.locator("[data-part=figures]")
    expect(figures).to_contain_text("1")
    page.goto(f"{panel.url}/peers/peer/{laptop.name}/change/")
    page.get_by_role("button", name=re.compile("Cut the connection")).click()
    expect(page.get_by_text("was cut")).to_be_visible()
    assert page.url.endswith(f"/peers/peer/{laptop.name}/change/"), "back where the button was"
    expect(page.locator("[data-part=peer-now]")).to_contain_text("Seen 20")
    connect(laptop.identity)
    expect(page.locator("[data-part=peer-now]")).to_contain_text("Connected")
    expect(page.locator("[data-part=peer-events]")).to_contain_text("Closed")
    assert panel.complaints == []


def test_without_sockets_the_page_looks_by_the_clock(
    panel: Panel, no_socket: list[str], laptop: Laptop, connect: Callable[[Path], LiveClient]
) -> None:
    page = panel.page
    page.goto(f"{panel.url}/activity/event/?kind=connected&peer={laptop.name}")
    expect(page.locator("[data-live-state]")).to_have_text(re.compile("Looking every"))
    connect(laptop.identity)
    expect(page.locator(ROWS)).to_have_count(1)

    page.goto(f"{panel.url}/activity/connection/")
    page.get_by_role("button", name=re.compile("Cut the connection")).click()
    expect(page.get_by_text("Nobody is connected")).to_be_visible()
    assert no_socket, "a socket was tried"


def test_who_is_signed_out_elsewhere_is_led_to_sign_in_and_loses_nothing_filled_in(
    panel: Panel, appliance: Appliance, laptop: Laptop
) -> None:
    page, other = panel.page, panel.page.context.new_page()
    page.goto(f"{panel.url}/activity/event/")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    other.goto(f"{panel.url}/peers/peer/{laptop.name}/change/")
    other.locator("[name=scopes]").fill("fs:read")
    with closing(sqlite3.connect(appliance.data / "alknet.db", isolation_level=None)) as database:
        database.execute("DELETE FROM django_session")

    page.wait_for_url("**/account/login/?next=/activity/event/")
    expect(other.get_by_role("alert")).to_have_text(re.compile("signed out"))
    expect(other.locator("[name=scopes]")).to_have_value("fs:read")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/activity/event/")
    expect(page.locator("[data-live-state]")).to_have_text("Live")

    gone = page.context.new_page()
    gone.route("**/now/*", lambda route: route.fulfill(status=302, headers={"Location": "/elsewhere/"}))
    gone.goto(panel.url)
    gone.wait_for_function("performance.getEntriesByType('navigation')[0].type === 'reload'")
    expect(gone.get_by_role("alert")).to_have_text(re.compile("signed out"))
    gone.evaluate("window.mark = 'it was loaded anew once'")
    gone.wait_for_timeout(2500)  # nothing is to happen
    assert gone.evaluate("window.mark") == "it was loaded anew once", "and not again and again"


def test_after_a_restart_of_the_panel_its_pages_go_on(
    panel: Panel, appliance: Appliance, laptop: Laptop, connect: Callable[[Path], LiveClient]
) -> None:
    page = panel.page
    page.goto(f"{panel.url}/activity/event/?kind=connected&peer={laptop.name}")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    os.kill(appliance.ready["web_pid"], signal.SIGKILL)
    expect(page.locator("[data-live-state]")).to_have_text("The panel does not answer. Trying again.")
    connect(laptop.identity)
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    expect(page.locator(ROWS)).to_have_count(1)


def test_an_event_is_on_the_screen_within_half_a_second(
    panel: Panel, appliance: Appliance, laptop: Laptop, connect: Callable[[Path], LiveClient], record_property: Callable
) -> None:
    """From the node's own time of the event until the row is in the page; a figure, and a bound that is far."""
    page = panel.page
    page.goto(f"{panel.url}/activity/event/?kind=connected&peer={laptop.name}")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    page.evaluate(
        """() => { window.seen = []; new MutationObserver((changes) => changes.forEach((change) =>
        change.addedNodes.forEach((node) => node.dataset && node.dataset.id && window.seen.push(Date.now() / 1000))))
        .observe(document.querySelector("[data-tail] tbody"), { childList: true }); }"""
    )
    count = 20
    for number in range(count):
        connect(laptop.identity)
        expect(page.locator(ROWS)).to_have_count(number + 1)
        time.sleep(0.1)
    late = sorted(
        seen - at for seen, at in zip(page.evaluate("window.seen"), connected_in(appliance, laptop.name), strict=True)
    )
    figures = {
        "p50_ms": round(1000 * late[count // 2]),
        "p95_ms": round(1000 * late[-2]),
        "max_ms": round(1000 * late[-1]),
    }
    record_property("event_to_screen", figures)
    print(f"event to screen: {figures}")
    assert late[count // 2] < 2, figures


def shows_late(route: Route) -> None:
    """On a slow machine frames are drawn before the script that shows the page has come."""
    time.sleep(0.5)
    route.continue_()


def test_a_save_that_cuts_somebody_off_says_so_before_it_does(
    panel: Panel, laptop: Laptop, connect: Callable[[Path], LiveClient]
) -> None:
    page, client = panel.page, connect(laptop.identity)
    page.goto(f"{panel.url}/peers/peer/{laptop.name}/change/")
    expect(page.get_by_role("button", name=f"Cut the connection of {laptop.name}")).to_be_visible()
    page.locator("[name=display_name]").fill("of Alice")
    page.locator("[name=enabled]").uncheck()
    page.route("**/alpine.js", shows_late)
    panel.save()
    asked = page.get_by_role("region", name="Saving this takes something away")
    expect(asked).to_be_focused()
    expect(asked.get_by_label("Connections that close")).to_contain_text("revoked: peer disabled")
    expect(page.locator("[name=display_name]")).to_have_value("of Alice")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert client.next_line()["reason"] == "revoked: peer disabled"
    assert panel.complaints == []
