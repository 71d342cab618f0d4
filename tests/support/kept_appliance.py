"""An appliance that tests take one after the other. The next finds what one has stored: each has peers of its own."""

import sqlite3
from contextlib import closing

from playwright.sync_api import BrowserContext

from node.core.paths import DataPaths
from tests.support.appliance import Appliance
from tests.support.browser import enter
from tests.support.panel_session import PanelSession


class KeptAppliance:
    """`session` is its first administrator at the panel, who was made without a browser."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self.session = PanelSession(appliance.ready["panel_url"])
        self.session.set_up(appliance.ready["setup_url"])
        with self._database() as database:
            self._rows = database.execute("SELECT * FROM django_session").fetchall()

    def sign_in(self, context: BrowserContext) -> None:
        """Have this browser be the administrator's, whatever sessions another test has ended."""
        marks = ", ".join("?" * len(self._rows[0]))
        with self._database() as database, database:
            database.executemany(f"INSERT OR REPLACE INTO django_session VALUES ({marks})", self._rows)
        enter(context, self.session.url, self.session.cookies)

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(DataPaths(self.appliance.data).database, timeout=60))
