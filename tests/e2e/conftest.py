"""A real appliance, a real browser, real clients."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import warm
from tests.support.appliance import STOP_SECONDS, Appliance, environment, running_appliance
from tests.support.browser import Panel
from tests.support.kept_appliance import KeptAppliance
from tests.support.kept_web import KeptWeb
from tests.support.migrated import migrated
from tests.support.web import Web

CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE_MS = 60_000
"""After which a page has failed rather than been slow."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def python() -> str | None:
    """What runs the appliance; `sys.executable` where a test looks at its processes or kills them."""
    return None


@pytest.fixture
def appliance(tmp_path: Path, python: str | None) -> Iterator[Appliance]:
    with running_appliance(migrated(tmp_path / "data"), python=python) as running:
        yield running


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Headless Chromium, for one module: as long as it runs, so does playwright's event loop in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a profile of its own: it shares neither cookies nor storage with another test's."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page


@pytest.fixture
def keeper(appliance: Appliance) -> KeptAppliance:
    """The appliance with its first administrator. Where a module overrides it, its tests share one."""
    return KeptAppliance(appliance)


@pytest.fixture
def panel(page: Page, keeper: KeptAppliance) -> Panel:
    """The appliance's panel, and its first administrator signed in."""
    keeper.sign_in(page.context)
    return Panel(page, keeper.session.url)


@pytest.fixture(scope="module")
def kept_appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptAppliance]:
    with running_appliance(migrated(tmp_path_factory.mktemp("appliance") / "data")) as running:
        yield KeptAppliance(running)


@pytest.fixture(scope="module")
def kept_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptWeb]:
    """Not for longer: what takes a fresh proof asks for one a few minutes after the sign-in."""
    kept = KeptWeb(tmp_path_factory.mktemp("web"))
    yield kept
    kept.end()


@pytest.fixture
def web(kept_web: KeptWeb) -> Web:
    """A panel without a node, as it was after its first administrator was made."""
    return kept_web.take()


@pytest.fixture
def web_panel(page: Page, web: Web, kept_web: KeptWeb) -> Panel:
    """The panel without a node, and its administrator signed in."""
    kept_web.sign_in(page.context, web.url)
    return Panel(page, web.url)


class LiveClient:
    """A client process that stays connected until the node closes."""

    def __init__(self, appliance: Appliance, identity: Path) -> None:
        ready = appliance.ready
        command = [warm.python(), "-m", "tests.support.live_client"]
        command += [ready["node_address"], ready["node_fingerprint"], str(identity)]
        self.process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        self.identity = self.next_line()["identity"]

    def next_line(self) -> dict[str, Any]:
        """The next fact that the client tells, waiting for it."""
        assert self.process.stdout is not None
        facts: dict[str, Any] = json.loads(self.process.stdout.readline())
        return facts

    def stop(self) -> None:
        """It says that it goes. Harmless when repeated."""
        self.process.terminate()
        self.process.wait(STOP_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def connect(appliance: Appliance) -> Iterator[Callable[[Path], LiveClient]]:
    """Start clients of the appliance; each ends with the test."""
    clients: list[LiveClient] = []

    def start(identity: Path) -> LiveClient:
        clients.append(LiveClient(appliance, identity))
        return clients[-1]

    yield start
    for client in clients:
        client.stop()
