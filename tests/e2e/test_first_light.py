"""What a person gets: edit a peer in the browser, and the running node obeys, live connections included."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LiveClient
from tests.support.appliance import Appliance, alknet, environment

PASSWORD = "correct horse battery staple"

pytestmark = [pytest.mark.browser]


def set_up(page: Page, appliance: Appliance) -> None:
    """Follow the one-time link and make the first administrator, who is then signed in."""
    page.goto(appliance.ready["setup_url"])
    assert "setup/" in page.url
    assert appliance.ready["setup_url"].split("/")[-2] not in page.url
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    page.click("form [type=submit]")
    page.wait_for_url(appliance.ready["panel_url"] + "/")


def add_peer(page: Page, appliance: Appliance, key: str) -> None:
    page.goto(appliance.ready["panel_url"] + "/peers/peer/add/")
    page.fill("[name=peer_id]", "laptop")
    page.fill("[name=keys]", key)
    page.fill("[name=scopes]", "relay:connect\ngit:read")
    page.click("[name=_save]")
    expect(page.locator("body")).to_contain_text("was added successfully")


def set_enabled(page: Page, appliance: Appliance, *, enabled: bool) -> None:
    page.goto(appliance.ready["panel_url"] + "/peers/peer/laptop/change/")
    page.locator("[name=enabled]").set_checked(enabled)
    page.click("[name=_save]")
    expect(page.locator("body")).to_contain_text("was changed successfully")


def whoami(appliance: Appliance, identity: Path) -> dict[str, object] | None:
    """Who a fresh connection is taken for, by the command that a person would type."""
    ready = appliance.ready
    arguments = ("--pin", ready["node_fingerprint"], "--identity", str(identity), "--json", "node/whoami")
    done = alknet("call", ready["node_address"], *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] | None = json.loads(done.stdout)["identity"]
    return found


def test_a_peer_is_added_used_and_revoked_in_the_browser(
    page: Page, appliance: Appliance, connect: Callable[[Path], LiveClient], tmp_path: Path
) -> None:
    identity = tmp_path / "identity"
    key = json.loads(alknet("id", "--identity", str(identity), "--json").stdout)["openssh"]
    assert whoami(appliance, identity) is None

    set_up(page, appliance)
    add_peer(page, appliance, key)
    laptop = {"id": "laptop", "scopes": ["relay:connect", "git:read"], "resources": {}}
    assert whoami(appliance, identity) == laptop

    client = connect(identity)
    assert client.identity == laptop
    set_enabled(page, appliance, enabled=False)
    end = client.next_line()
    assert (end["code"], end["reason"]) == (0x41, "revoked: peer disabled")
    assert whoami(appliance, identity) is None

    enforced = re.search(r'\{[^{}]*"message": "enforced"[^{}]*\}', appliance.log())
    assert enforced is not None
    facts = json.loads(enforced[0])
    assert (facts["peer_id"], facts["connections"]) == ("laptop", 1)
    assert 0 <= facts["commit_to_close_ms"] < 1000

    set_enabled(page, appliance, enabled=True)
    assert whoami(appliance, identity) == laptop


def test_the_set_up_link_works_once_and_then_dies(page: Page, appliance: Appliance) -> None:
    link = appliance.ready["setup_url"]
    set_up(page, appliance)
    page.context.clear_cookies()
    response = page.goto(link)
    assert response is not None
    assert response.status == 404
    deadline = time.monotonic() + 10
    while appliance.wait_ready()["setup_url"] is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert appliance.wait_ready()["setup_url"] is None
    assert not (appliance.data / "secrets" / "setup_token").exists()


def test_wrong_input_is_a_field_error_and_nothing_is_written(page: Page, appliance: Appliance) -> None:
    set_up(page, appliance)
    page.goto(appliance.ready["panel_url"] + "/peers/peer/add/")
    page.fill("[name=peer_id]", "laptop")
    page.fill("[name=keys]", "ed25519:nonsense")
    page.click("[name=_save]")
    expect(page.locator("body")).to_contain_text("64 lower-case hex digits")
    assert json.loads(appliance.run("peer", "list", "--json")) == []


def test_no_token_of_the_set_up_link_is_in_a_log(page: Page, appliance: Appliance) -> None:
    token = appliance.ready["setup_url"].split("/")[-2]
    set_up(page, appliance)
    logged = [line for line in appliance.log().splitlines() if token in line]
    assert all("http" in line and "works once" in line for line in logged), logged
    assert alknet("config", "show", env=environment(ALKNET_DATA=str(appliance.data))).returncode == 0
