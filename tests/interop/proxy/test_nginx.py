"""The panel behind a real reverse proxy with TLS: who a client is, secure cookies, forms and the live view's socket."""

import http.client
import socket
import sqlite3
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect

from tests.support.certificates import certificate, put
from tests.support.migrated import migrated
from tests.support.panel_session import PASSWORD, PanelSession
from tests.support.waiting import until
from tests.support.web import Web

pytestmark = pytest.mark.interop

CLIENT = "127.0.0.2"
"""Where the browser comes from: another address than the proxy's, which is trusted."""
CONFIG = """
daemon off; pid {dir}/pid; error_log {dir}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {dir}/cert.pem;
    ssl_certificate_key {dir}/cert.pem;
    location / {{
      proxy_pass {panel};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
"""
"""As docs/accounts.md tells it."""


class FromElsewhere(urllib.request.HTTPSHandler):
    """TLS from another address of this machine, with a header that lies about it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._tls = context

    def https_open(self, request: urllib.request.Request) -> Any:
        request.add_header("X-Forwarded-For", "203.0.113.9")
        return self.do_open(
            partial(http.client.HTTPSConnection, source_address=(CLIENT, 0)), request, context=self._tls
        )


@pytest.fixture
def proxied(tmp_path: Path, program: Callable[[str], str]) -> Iterator[tuple[Web, str, ssl.SSLContext]]:
    """A panel, the address of the nginx before it, and whom to trust."""
    nginx, key = program("nginx"), ec.generate_private_key(ec.SECP256R1())
    leaf = certificate(key, name="localhost", usable_as_ca=True)
    pem = put(tmp_path / "cert.pem", leaf, key)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"https://localhost:{port}"
    web = Web(migrated(tmp_path / "data"), ALKNET_PANEL__PUBLIC_URL=url, ALKNET_PANEL__TRUSTED_PROXIES="127.0.0.1")
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(dir=tmp_path, port=port, panel=web.url))
    with subprocess.Popen([nginx, "-c", str(config), "-e", str(tmp_path / "error.log")]) as process:
        try:
            until(lambda: answers(port), "nginx listens")
            yield web, url, ssl.create_default_context(cafile=str(pem))
        finally:
            process.terminate()
            web.end()


def answers(port: int) -> bool:
    with closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def addresses(web: Web) -> list[str]:
    """From where people signed in, as the audit log has it."""
    with closing(sqlite3.connect(f"file:{web.data}/alknet.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT json_extract(after, '$.address') FROM audit_auditentry WHERE action = 'user.signed_in'"
        )
        return [row[0] for row in rows]


async def test_the_panel_works_behind_nginx(proxied: tuple[Web, str, ssl.SSLContext]) -> None:
    web, url, trust = proxied
    browser = PanelSession(url, FromElsewhere(trust))
    browser.set_up(web.setup_url.replace(web.url, url))
    lines = browser.heard.lower().replace(b"\n ", b" ").splitlines()
    assert b"strict-transport-security: max-age=31536000" in lines
    cookies = [line for line in lines if line.startswith(b"set-cookie: alknet_session=")]
    assert cookies
    assert all(b"; secure" in line and b"httponly" in line and b"samesite=lax" in line for line in cookies)

    browser.submit("/", "/logout/")
    browser.post("/account/login/", login="admin", password=PASSWORD)
    assert addresses(web) == [CLIENT], "what the client says of itself is not believed"

    headers = {"Cookie": browser.cookies}
    socket_url = f"{url.replace('https', 'wss')}/live/activity/"
    async with connect(socket_url, ssl=trust, origin=url, additional_headers=headers) as page:  # type: ignore[arg-type]
        await (await page.ping())
