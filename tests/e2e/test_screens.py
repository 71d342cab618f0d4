"""Every page and flow of the panel in a browser, over a whole appliance that looks lived in.

Each is kept as it looks on a phone and on a desk, in the light and in the dark. They run where --pictures DIR names
where to keep them, as `scripts/pictures` does, and else not. They are cut so that two processes share them evenly.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from node.core.paths import DataPaths
from tests.e2e.conftest import LiveClient
from tests.support import warm
from tests.support.appliance import Appliance, alknet, environment
from tests.support.browser import Panel
from tests.support.screens.flows import access, failures, files, handing_out, peers, way_in
from tests.support.screens.life import lived_in
from tests.support.screens.looking import Looker
from tests.support.screens.pages import screens

pytestmark = [pytest.mark.browser, pytest.mark.pictures]


def by_name(url: str) -> str:
    """Passkeys take no address."""
    return url.replace("127.0.0.1", "localhost")


@pytest.fixture
def looker(page: Page, appliance: Appliance, request: pytest.FixtureRequest) -> Looker:
    page.set_default_timeout(60_000)
    panel = Panel(page, by_name(appliance.ready["panel_url"]))
    return Looker(panel, Path(request.config.getoption("--pictures")))


def set_up(looker: Looker, appliance: Appliance) -> None:
    looker.panel.set_up(by_name(appliance.ready["setup_url"]))


@pytest.fixture
def things(
    looker: Looker, appliance: Appliance, connect: Callable[[Path], LiveClient], tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """What pages are about, on an appliance whose administrator is signed in."""
    set_up(looker, appliance)
    with lived_in(appliance, tmp_path) as things:
        connect(things["identity"]), connect(things["identity"])
        yield things


@pytest.mark.parametrize("half", [0, 1])
def test_every_page(looker: Looker, things: dict[str, Any], half: int) -> None:
    for screen in list(screens(things))[half::2]:
        looker.visit(screen.name, screen.path)
    assert (looker.wrong, unforeseen(looker)) == ({}, [])


def unforeseen(looker: Looker) -> list[str]:
    """Complaints of the console; Chromium has some of a page that is there to say that something is not."""
    said = ("identities/error", "is/nothing/here", "nothing-of-that-name", "no-access", "peer/add", "logout")
    return [one for one in looker.panel.complaints if not any(f"/{path}/: Failed to load" in one for path in said)]


def test_flow_of_peers(looker: Looker, things: dict[str, Any], appliance: Appliance) -> None:
    looker.flow = "peers"
    peers.filter_the_list(looker)
    peers.be_refused(looker)
    peers.take_rights_away(looker)
    peers.rotate_a_key(looker)
    access.grant_what_is_asked(looker)
    peers.change_many(looker)
    peers.lock_a_peer(looker)
    ready, identity = appliance.ready, str(things["identity"])
    call = ("call", ready["node_address"], "node/whoami", "--pin", ready["node_fingerprint"])
    assert alknet(*call, "--identity", identity).returncode != 0
    access.ask_why_not(looker)
    peers.lock_everything(looker)
    assert (looker.wrong, unforeseen(looker)) == ({}, [])


def test_flow_of_admission(looker: Looker, things: dict[str, Any], appliance: Appliance, tmp_path: Path) -> None:
    looker.flow = "admission"
    handing_out.show_secrets_once(looker)
    handing_out.invite(looker)
    handing_out.admit(looker)
    files.import_peers(looker, tmp_path)
    files.follow_a_long_import(looker, tmp_path, DataPaths(appliance.data).database)
    looker.flow, looker.seen = "failures", []
    failures.sign_in_as_others(looker)
    assert (looker.wrong, unforeseen(looker)) == ({}, [])
    failures.break_the_database(looker, DataPaths(appliance.data).database)
    assert looker.wrong == {}


def test_flow_of_the_way_in(looker: Looker, appliance: Appliance) -> None:
    looker.flow = "way-in"
    looker.visit("sign-in-before-set-up", "/account/login/")
    looker.panel.page.goto(by_name(appliance.ready["setup_url"]))
    looker.look("set-up")
    set_up(looker, appliance)
    way_in.look_at_empty_lists(looker)
    secret, code = way_in.add_factors(looker)
    way_in.sign_in_by_each(looker, secret, code)
    make_proofs_old(appliance)
    way_in.prove_it_anew(looker)
    assert (looker.wrong, unforeseen(looker)) == ({}, [])


def make_proofs_old(appliance: Appliance) -> None:
    env = environment(ALKNET_DATA=str(appliance.data), DJANGO_SETTINGS_MODULE="alknet_site.settings")
    subprocess.run([warm.python(), "-m", "tests.support.screens.ageing"], env=env, check=True)
