"""The panel in a real browser: its scripts run under its own security policy, and its pages do what they say."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Panel
from tests.support.migrated import migrated
from tests.support.panel import ssh_line
from tests.support.web import Web

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(web_panel: Panel) -> Panel:
    return web_panel


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Web]:
    """One that has no administrator yet."""
    web = Web(migrated(tmp_path / "data"))
    yield web
    web.end()


def test_from_the_set_up_link_to_a_disabled_peer(page: Page, new: Web) -> None:
    panel = Panel(page, new.url)
    page.goto(new.setup_url)
    expect(page.get_by_label("Username")).to_be_focused()
    panel.set_up(new.setup_url)
    assert "/setup/" not in panel.page.url
    panel.add_peer("laptop", key=f"{ssh_line(1)} alice@home", scopes="fs:read")
    assert panel.is_enabled("laptop")
    panel.switch("laptop")
    assert not panel.is_enabled("laptop")

    panel.page.goto(new.url)
    changes = panel.page.locator(".alknet-changes").inner_text()
    assert "disabled the peer" in changes
    assert panel.complaints == []


def test_a_mistake_is_shown_at_its_field_and_what_was_typed_stays(panel: Panel) -> None:
    panel.add_peer("laptop", key="nonsense", scopes="a b")

    assert panel.page.get_by_text("Key 1: expected an ssh-ed25519 line").is_visible()
    assert panel.page.get_by_text("A scope has no spaces").is_visible()
    assert panel.page.locator("[name=keys]").input_value() == "nonsense"
    assert panel.complaints == []


def test_a_page_that_was_open_meanwhile_saves_nothing(panel: Panel, web: Web) -> None:
    panel.add_peer("laptop", key=ssh_line(1))
    panel.page.goto(f"{panel.url}/peers/peer/laptop/change/")
    with closing(sqlite3.connect(web.data / "alknet.db", isolation_level=None)) as other:
        other.execute("UPDATE peers SET enabled = 0")
    panel.page.locator("[name=scopes]").fill("fs:read")
    panel.save()

    assert panel.page.get_by_text("This peer was changed meanwhile").is_visible()
    assert not panel.is_enabled("laptop")
    panel.page.goto(f"{panel.url}/peers/peer/laptop/change/")
    panel.page.locator("[name=scopes]").fill("fs:read")
    panel.save()
    assert panel.page.get_by_text("was changed successfully").is_visible()
    assert panel.complaints == []


def test_a_secret_is_on_the_page_once_and_not_in_the_address_or_the_history(panel: Panel) -> None:
    panel.page.goto(f"{panel.url}/peers/apikey/add/")
    panel.page.locator("[name=scopes]").fill("fs:read")
    panel.save()
    secret = panel.page.locator("#secret").inner_text()

    assert secret.startswith("alk_")
    assert secret not in panel.page.url
    panel.page.get_by_role("link", name="I have copied it").click()
    panel.page.wait_for_load_state()
    assert secret not in panel.page.content()
    assert panel.complaints == []
