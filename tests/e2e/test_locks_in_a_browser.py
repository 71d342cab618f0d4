"""Locks in a real browser, over a whole appliance: what is clicked there, connected clients feel at once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from node.core.connection import CLOSE_LOCKED
from tests.e2e.conftest import LiveClient
from tests.support.appliance import alknet
from tests.support.browser import Panel
from tests.support.kept_appliance import KeptAppliance

LIST = "/locks/lock/"

pytestmark = pytest.mark.browser


def row(panel: Panel, what: str) -> Locator:
    return panel.page.locator("tr", has=panel.page.get_by_role("link", name=what, exact=True))


def told(client: LiveClient) -> tuple[int, str]:
    end = client.next_line()
    return end["code"], end["reason"]


def test_a_peer_and_then_everything_is_locked_and_unlocked(
    panel: Panel, keeper: KeptAppliance, connect: Callable[[Path], LiveClient], tmp_path: Path
) -> None:
    page, ann = panel.page, tmp_path / "ann"
    key = json.loads(alknet("id", "--identity", str(ann), "--json").stdout)["openssh"]
    keeper.session.add_peer("ann", key=key)
    client = connect(ann)

    page.goto(f"{panel.url}/peers/peer/ann/change/")
    expect(page.get_by_role("button", name="Cut the connection of ann")).to_be_visible()
    page.locator("a[href$='/ann/lock/']").click()
    expect(page.locator("[name=target]")).to_have_value("ann")
    page.locator("[name=lasts]").select_option(label="1 hour")
    page.locator("[name=message]").fill("call the desk")
    page.locator("[name=reason]").fill("a laptop was stolen")
    panel.save()
    expect(page.get_by_label("Connections that close")).to_contain_text("locked: call the desk")
    expect(page.get_by_role("region", name="This lock closes connections")).to_be_focused()
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(page.get_by_text("Locked: Peer ann.")).to_be_visible()
    expect(row(panel, "Peer ann")).to_contain_text("a laptop was stolen")
    assert told(client) == (CLOSE_LOCKED, "locked: call the desk")
    page.goto(f"{panel.url}/peers/peer/ann/change/")
    page.get_by_role("link", name="See the lock").click()
    page.locator("a[href$='/unlock/']").click()
    page.get_by_role("button", name="Unlock", exact=True).click()
    expect(page.get_by_text("Unlocked: Peer ann.")).to_be_visible()

    client, stranger = connect(ann), connect(tmp_path / "stranger")
    assert client.identity is not None
    page.get_by_role("link", name="Lock everything").click()
    page.locator("[name=message]").fill("maintenance")
    page.get_by_label("Type", exact=False).fill("lock all")
    page.get_by_role("button", name="Lock everything").click()
    expect(page.get_by_text("or nothing is locked").first).to_be_visible()
    assert json.loads(keeper.appliance.run("locks", "--json")) == []
    page.get_by_label("Type", exact=False).fill("lock everything")
    page.get_by_role("button", name="Lock everything").click()
    expect(page.get_by_text("Everything is locked.").first).to_be_visible()
    assert told(client) == told(stranger) == (CLOSE_LOCKED, "locked: maintenance")
    page.goto(panel.url)
    expect(page.get_by_text("Everything is locked until it is unlocked")).to_be_visible()

    page.goto(panel.url + LIST)
    row(panel, "Everything").locator("input[type=checkbox]").check()
    page.locator("select[name=action]").select_option(label="Unlock selected")
    page.get_by_role("button", name="Run", exact=False).first.click()
    expect(page.get_by_text("Unlocked: Everything.")).to_be_visible()
    assert connect(ann).identity is not None
    assert panel.complaints == []
