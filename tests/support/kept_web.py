"""A web process that tests take one after the other, each with the database as it was when its first user was made."""

import sqlite3
from contextlib import closing
from pathlib import Path

from playwright.sync_api import BrowserContext

from node.core.paths import DataPaths
from tests.support.browser import enter
from tests.support.migrated import migrated
from tests.support.panel_session import PanelSession
from tests.support.web import Web


class KeptWeb:
    """`take()` gives it as it was made: what a test has stored is gone, and the administrator's `session` is there."""

    def __init__(self, place: Path) -> None:
        self._web = Web(migrated(place / "data"))
        self.session = PanelSession(self._web.url)
        self.session.set_up(self._web.setup_url)
        self._as_made = place / "as-made.db"
        _copy(self._database, self._as_made)

    @property
    def _database(self) -> Path:
        return DataPaths(self._web.data).database

    def take(self) -> Web:
        _copy(self._as_made, self._database)
        return self._web

    def sign_in(self, context: BrowserContext, url: str) -> None:
        """Have this browser be the administrator's at this address of the panel."""
        enter(context, url, self.session.cookies)

    def end(self) -> None:
        self._web.end()


def _copy(source: Path, target: Path) -> None:
    """One transaction for whoever has the target open."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
