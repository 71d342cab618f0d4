"""Enrolment in a real browser, over a whole appliance and machines that join it."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from node.core.enrolment.code import parse_code
from tests.support.appliance import Appliance, alknet, environment, warm_alknet
from tests.support.axe import violations
from tests.support.browser import Panel

INVITES, CLAIMS, STRANGERS = "/enrolment/invite/", "/enrolment/claim/", "/enrolment/stranger/"

pytestmark = pytest.mark.browser


class Joining:
    """`alknet join` as a process that waits."""

    def __init__(self, home: Path, code: str, name: str) -> None:
        command = [*warm_alknet(), "join", "--json", "--wait", "60", "--name", name]
        pipe, env = subprocess.PIPE, environment(XDG_CONFIG_HOME=str(home))
        self.process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert self.process.stdin is not None
        self.process.stdin.write(code)
        self.process.stdin.close()

    def sas(self) -> str:
        """The digits that the machine shows."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().partition(": ")[2].strip()

    def state(self) -> str:
        assert self.process.stdout is not None
        state: str = json.loads(self.process.stdout.read())["state"]
        self.process.wait()
        return state

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Callable[[str, str], Joining]]:
    started: list[Joining] = []

    def start(code: str, name: str) -> Joining:
        started.append(Joining(tmp_path / name, code, name))
        return started[-1]

    yield start
    for one in started:
        one.end()


def looks_right(page: Page) -> None:
    """axe has nothing to say of what is the page's own, and nothing is wider than a phone."""
    assert violations(page) == []
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_machine_is_invited_compared_and_approved_and_another_declined(
    panel: Panel, appliance: Appliance, join: Callable[[str, str], Joining]
) -> None:
    page = panel.page
    page.goto(panel.url + CLAIMS)
    expect(page.get_by_text("Nobody waits")).to_be_visible()
    page.get_by_role("link", name="Make an invitation").click()
    expect(page.locator("[name=address]")).to_have_value(appliance.ready["node_address"])
    page.locator("[name=uses]").fill("2")
    page.locator("[name=scopes]").fill("call:echo")
    page.locator("[name=note]").fill("two in the cellar")
    page.locator("[name=peer_lasts]").select_option("30 days after")
    page.locator("[name=peer_ends_0]").fill("2999-01-31")
    page.locator("[name=peer_ends_1]").fill("12:00")
    page.locator("[name=peer_id]").fill("both")
    panel.save()
    expect(page.get_by_text("names none of them").last).to_be_visible()
    expect(page.get_by_text("Either a moment at which").last).to_be_visible()
    page.locator("[name=peer_id]").fill("")
    for number in "01":
        page.locator(f"[name=peer_ends_{number}]").fill("")
    panel.save()
    code = page.locator("#code").inner_text()
    assert parse_code(code).fingerprint == appliance.ready["node_fingerprint"]
    assert page.locator("svg.alknet-qr path").count() > 0
    looks_right(page)

    page.get_by_role("link", name="Wait for the claim").click()
    one = join(code, "pi-1")
    card = page.locator(".alknet-claim", has_text=one.sas())
    expect(card).to_contain_text("call:echo")
    expect(card).to_contain_text("30 d after admission")
    page.locator(".alknet-claim").get_by_label("Name").fill("cellar")
    two = join(code, "pi-2")
    other = page.locator(".alknet-claim", has_text=two.sas())
    expect(other).to_be_visible()
    looks_right(page)
    page.goto(panel.url)
    expect(page.get_by_role("link", name="Claims")).to_contain_text("2 waiting")
    page.goto(panel.url + CLAIMS)
    page.locator(".alknet-claim").first.get_by_label("Name").fill("cellar")
    expect(card.get_by_label("Name")).to_have_value("cellar")
    card.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("“cellar” is a peer now.")).to_be_visible()
    page.locator(".alknet-claim").get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("The claim is declined.")).to_be_visible()
    assert (one.state(), two.state()) == ("admitted", "refused")
    expect(page.get_by_role("row", name=re.compile("admitted.*cellar"))).to_be_visible()

    page.goto(panel.url + INVITES)
    expect(page.get_by_role("row", name=re.compile("two in the cellar.*used up.*0 of 2"))).to_be_visible()
    looks_right(page)
    assert panel.complaints == []


def test_an_invitation_is_revoked(panel: Panel, appliance: Appliance) -> None:
    appliance.run("peer", "invite", "laptop")
    page = panel.page
    page.goto(panel.url + INVITES)
    page.get_by_role("link", name="laptop", exact=True).click()
    page.locator("a[href$='/revoke/']").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("Its code is good for nothing now.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("laptop.*revoked"))).to_be_visible()
    assert panel.complaints == []


def test_unknown_keys_are_admitted_and_dismissed(panel: Panel, appliance: Appliance, tmp_path: Path) -> None:
    page, ready = panel.page, appliance.ready
    page.goto(panel.url + STRANGERS)
    expect(page.get_by_text("No unknown key has come.")).to_be_visible()
    for name in ("one", "two"):
        env = environment(XDG_CONFIG_HOME=str(tmp_path / name))
        call = ("call", ready["node_address"], "node/whoami", "--pin", ready["node_fingerprint"])
        assert alknet(*call, env=env).returncode == 0
    keys = page.locator(".alknet-strangers > li")
    expect(keys).to_have_count(2)
    page.locator("summary").first.click()
    looks_right(page)
    keys.first.get_by_label("Name").fill("desk")
    keys.first.get_by_label("Scopes").fill("a, b")
    alknet(*call, env=env)
    expect(page.get_by_text("2 times")).to_be_visible()
    keys.first.get_by_role("button", name="Admit", exact=True).click()
    expect(page.get_by_text("“desk” is a peer now.")).to_be_visible()
    assert json.loads(appliance.run("peer", "show", "desk", "--json"))["scopes"] == ["a", "b"]
    page.locator("summary").first.click()
    keys.first.get_by_role("button", name="Dismiss for good").click()
    expect(page.get_by_text("out of sight for good")).to_be_visible()
    expect(page.get_by_text("No unknown key has come.")).to_be_visible()
    assert panel.complaints == []
