"""Peers by a file: what is wrong with it by its rows, what it would do, and a long one as it goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Route

from tests.support.panel import fingerprint, ssh_line
from tests.support.screens.looking import Looker

WRONG = """name,keys,scopes
laptop,ssh-ed25519 nonsense,fs:read
,ed25519:12,"fs:read, fs:write"
"""
WRONG_ROWS = """peer_id,keys,scopes
laptop,ssh-ed25519 nonsense,fs:read
,ed25519:12,"fs:read, fs:write"
laptop,,fs:read
"""
ASSERTED = """peer_id,keys,scopes
laptop,,"fs:read"
"""
RIGHT = """peer_id,keys,scopes
desk-4,,"fs:write dns:query print:color"
new-in-the-file,{},"fs:read git:read"
"""
MANY = 1_100
"""Peers whose import goes on in the background."""


def _many() -> str:
    rows = [f"fleet-{number},{fingerprint(number)},fs:read" for number in range(MANY)]
    return "\n".join(["peer_id,keys,scopes", *rows])


def import_peers(looker: Looker, place: Path) -> None:
    page = looker.panel.page
    for name, text in (("wrong-columns", WRONG), ("wrong-rows", WRONG_ROWS)):
        _send(looker, place / f"{name}.csv", text)
        looker.look(name)
    for name, text in (("refused-by-an-assertion", ASSERTED), ("imported", RIGHT.format(ssh_line("new")))):
        _send(looker, place / f"{name}.csv", text)
        looker.look("plan")
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("It is asserted" if "refused" in name else "Imported: ").first.wait_for()
        looker.look(name)


def follow_a_long_import(looker: Looker, place: Path, database: Path) -> None:
    """Its page is there while it waits for whoever writes; then the page does not look again while it is looked at."""
    page = looker.panel.page
    page.route("**/jobs/**", lambda route: route.fulfill(status=204) if _again(route) else route.continue_())
    for _ in range(10):
        _send(looker, place / "many.csv", _many())
        with closing(sqlite3.connect(database, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            page.get_by_role("button", name="Import", exact=True).click()
            page.locator("#job").wait_for()
            writer.execute("ROLLBACK")
        if page.locator("progress").count():
            break  # and else it has given up, as it does after some seconds
    looker.look("import-goes-on")
    page.unroute_all(behavior="wait")
    page.get_by_role("link", name="Go on").wait_for()
    looker.look("import-done")


def _send(looker: Looker, file: Path, text: str) -> None:
    file.write_text(text)
    page = looker.panel.page
    page.goto(f"{looker.panel.url}/peers/peer/files/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Show what would change").click()
    page.wait_for_load_state()


def _again(route: Route) -> bool:
    return "hx-request" in route.request.headers
