"""Credentials in a real browser, over a whole appliance: a content goes in, is sealed, and never comes out."""

import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.support.appliance import Appliance
from tests.support.browser import Panel

CANARY = "sk-canary-7f3a91"
LIST = "/credentials/credential/"

pytestmark = pytest.mark.browser


def fill(panel: Panel, content: str, *, provider: str = "") -> None:
    """Fill and save the form of a credential, which is open."""
    if provider:
        panel.page.locator("[name=provider]").fill(provider)
    panel.page.locator("[name=content]").fill(content)
    panel.save()


def sql(appliance: Appliance, statement: str) -> list[tuple[int]]:
    with closing(sqlite3.connect(appliance.data / "alknet.db", timeout=60)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_set_listed_replaced_and_rotated(panel: Panel, appliance: Appliance) -> None:
    page = panel.page
    page.goto(f"{panel.url}{LIST}add/")
    concealed = page.locator("[name=content]").evaluate("area => getComputedStyle(area).webkitTextSecurity")
    assert concealed == "disc"
    fill(panel, CANARY, provider="openai")
    row = page.locator("tr", has=page.get_by_role("link", name="openai", exact=True))
    expect(row).to_contain_text("admin")
    assert CANARY not in page.content()

    row.get_by_role("link").click()
    expect(page.locator("[name=content]")).to_have_value("")
    fill(panel, "another one")
    page.goto(f"{panel.url}{LIST}openai/history/")
    expect(page.get_by_text("replaced the credential")).to_be_visible()
    page.go_back()
    page.go_back()
    assert CANARY not in page.content()

    # One blob in many rows: blobs are not bound to their provider (spec vault §10). More than one step rotates.
    copies = "SELECT 'copy ' || value, key_version, salt, iv, data FROM credentials, json_each(json_array(%s))"
    numbers = ", ".join(map(str, range(44)))
    sql(appliance, f"INSERT INTO credentials (provider, key_version, salt, iv, data) {copies % numbers}")
    page.goto(panel.url + LIST)
    page.get_by_role("link", name="Rotate all").click()
    page.get_by_role("button", name="Rotate", exact=True).click()
    expect(page.get_by_text("45 credentials are under version 3 of the key now.")).to_be_visible()
    assert sql(appliance, "SELECT DISTINCT key_version FROM credentials") == [(3,)]
    page.go_back()
    expect(page.get_by_role("link", name="Rotate all")).to_be_visible()
    assert panel.complaints == []


def test_a_locked_vault_is_said_and_unlocking_needs_no_restart(panel: Panel, appliance: Appliance) -> None:
    appliance.run("vault", "lock")
    panel.page.goto(f"{panel.url}{LIST}add/")
    expect(panel.page.get_by_text("alknet vault unlock")).to_be_visible()
    fill(panel, CANARY, provider="openai")
    expect(panel.page.get_by_text("Nothing was saved")).to_be_visible()
    assert CANARY not in panel.page.content()
    assert sql(appliance, "SELECT count(*) FROM credentials") == [(0,)]

    appliance.run("vault", "unlock")
    fill(panel, CANARY)
    expect(panel.page.get_by_text("was added successfully")).to_be_visible()
    assert panel.complaints == []
