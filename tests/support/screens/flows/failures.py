"""Who may not, what is not there, what was sent too late, and a page that cannot be made."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.screens.flows.way_in import enter
from tests.support.screens.looking import Looker


def sign_in_as_others(looker: Looker) -> None:
    """Who has no role, who only looks, and who is not active. Nobody is signed in afterwards."""
    panel, page = looker.panel, looker.panel.page
    for name in ("trainee", "guest", "carol.of.the.accounts"):
        page.context.clear_cookies()
        page.goto(f"{panel.url}/account/login/")
        enter(looker, name)
        looker.look(f"signed-in-{name.partition('.')[0]}")
    looker.visit("only-looks-peers", "/peers/peer/")
    looker.visit("only-looks-peer", "/peers/peer/laptop/change/")
    looker.visit("may-not", "/peers/peer/add/")
    looker.visit("no-such-peer", "/peers/peer/nobody/change/")
    looker.visit("no-such-job", "/jobs/nothing-of-that-name/")
    page.goto(f"{panel.url}/account/sessions/")
    page.context.clear_cookies()
    with page.expect_navigation():
        page.evaluate("document.querySelector('form').submit()")
    looker.look("sent-without-cookie")


def break_the_database(looker: Looker, file: Path) -> None:
    """The last thing of all: a page that cannot be made."""
    looker.panel.page.goto(f"{looker.panel.url}/account/login/")
    enter(looker, "admin")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("ALTER TABLE locks RENAME TO locks_of_old")
    looker.visit("failed", "/locks/lock/")
