"""What a person gets: edit a peer in the browser, and the running node obeys, live connections included."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.e2e.conftest import LiveClient
from tests.support.appliance import Appliance, alknet, running_appliance
from tests.support.browser import Panel
from tests.support.waiting import until

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One that begins with an empty directory and imports what it runs, as in life; for the whole module."""
    with running_appliance(tmp_path_factory.mktemp("first") / "data", python=sys.executable) as running:
        yield running


@pytest.fixture(scope="module")
def panel(browser: Browser, appliance: Appliance) -> Iterator[Panel]:
    """Its panel, the set-up link followed in the browser."""
    with browser.new_context() as context:
        panel = Panel(context.new_page(), appliance.ready["panel_url"])
        panel.set_up(appliance.ready["setup_url"])
        yield panel


def whoami(appliance: Appliance, identity: Path) -> dict[str, object] | None:
    """Who a fresh connection is taken for, by the command that a person would type."""
    ready = appliance.ready
    arguments = ("--pin", ready["node_fingerprint"], "--identity", str(identity), "--json", "node/whoami")
    done = alknet("call", ready["node_address"], *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] | None = json.loads(done.stdout)["identity"]
    return found


def test_a_peer_is_added_used_and_revoked_in_the_browser(
    panel: Panel, appliance: Appliance, connect: Callable[[Path], LiveClient], tmp_path: Path
) -> None:
    identity = tmp_path / "identity"
    key = json.loads(alknet("id", "--identity", str(identity), "--json").stdout)["openssh"]
    assert whoami(appliance, identity) is None

    panel.add_peer("laptop", key=key, scopes="relay:connect\ngit:read")
    laptop = {"id": "laptop", "scopes": ["relay:connect", "git:read"], "resources": {}}
    assert whoami(appliance, identity) == laptop

    client = connect(identity)
    assert client.identity == laptop
    answers: list[Response] = []
    panel.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - playwright marks it, so no builtin
    panel.switch("laptop")
    end = client.next_line()
    assert (end["code"], end["reason"]) == (0x41, "revoked: peer disabled")
    assert whoami(appliance, identity) is None

    enforced = re.search(r'\{[^{}]*"message": "enforced"[^{}]*\}', appliance.log())
    assert enforced is not None
    facts = json.loads(enforced[0])
    assert (facts["peer_id"], facts["connections"]) == ("laptop", 1)
    assert 0 <= facts["commit_to_close_ms"] < 1000

    # One change, from the browser's request by the audit log to the node's journal.
    ids = {answer.headers.get("x-request-id") for answer in answers if answer.request.method == "POST"}
    [row, *_] = json.loads(appliance.run("audit", "list", "--json"))
    assert (row["request_id"] in ids, row["object_id"]) == (True, "laptop")
    happened = map(
        json.loads, appliance.run("journal", "--kind", "enforced", "--peer", "laptop", "--json").splitlines()
    )
    [last] = [event for event in happened if event["detail"]["closed"]]
    assert last["detail"]["change"] == "peer: laptop"

    panel.switch("laptop")
    assert whoami(appliance, identity) == laptop


def test_the_set_up_link_works_once_and_then_dies(panel: Panel, page: Page, appliance: Appliance) -> None:
    """For whoever has it, and no session."""
    response = page.goto(appliance.ready["setup_url"])
    assert response is not None
    assert response.status == 404
    until(lambda: appliance.wait_ready()["setup_url"] is None, "the link's end")
    assert not (appliance.data / "secrets" / "setup_token").exists()


def test_wrong_input_writes_nothing(panel: Panel, appliance: Appliance) -> None:
    before = appliance.run("peer", "list", "--json")
    panel.add_peer("desk", key="ed25519:nonsense")
    expect(panel.page.get_by_text("64 lower-case hex digits")).to_be_visible()
    assert appliance.run("peer", "list", "--json") == before


def test_the_token_of_the_set_up_link_is_in_no_log(panel: Panel, appliance: Appliance) -> None:
    token = appliance.ready["setup_url"].split("/")[-2]
    told = [line for line in appliance.log().splitlines() if token in line]
    assert all("works once" in line for line in told), told
