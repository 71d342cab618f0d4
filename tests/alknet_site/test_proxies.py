"""Whose word is taken for where a client is."""

import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.migrated import migrated
from tests.support.panel_session import PASSWORD, PanelSession
from tests.support.web import Web


class Lying(urllib.request.BaseHandler):
    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        request.add_header("X-Forwarded-For", "203.0.113.9")
        request.add_header("X-Forwarded-Proto", "https")
        return request


@pytest.mark.parametrize(("trusted", "address"), [("192.0.2.0/24", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.9")])
def test_forwarded_headers_are_believed_of_named_proxies_alone(tmp_path: Path, trusted: str, address: str) -> None:
    web = Web(migrated(tmp_path / "data"), ALKNET_PANEL__TRUSTED_PROXIES=trusted)
    try:
        PanelSession(web.url).set_up(web.setup_url)
        browser = PanelSession(web.url)
        browser.get("/account/login/")
        liar = PanelSession(web.url, Lying())
        if trusted.startswith("127"):
            liar.url = web.url.replace("http://", "https://")  # the origin that such a browser sends
        page = sign_in(liar, web.url)
        assert "Sign in" not in page.split("<title>")[1].split("</title>")[0]
    finally:
        web.end()
    with closing(sqlite3.connect(tmp_path / "data" / "alknet.db")) as database:
        rows = database.execute(
            "SELECT json_extract(after, '$.address') FROM audit_auditentry WHERE action = 'user.signed_in'"
        )
        assert rows.fetchall() == [(address,)]


def sign_in(session: PanelSession, url: str) -> str:
    return session.post(f"{url}/account/login/", login="admin", password=PASSWORD)
