"""One port for everybody (decision 3): a peer with its raw key, a browser, and a client of other software."""

import asyncio
import base64
import contextlib
import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from node.quic.tls.selfmade import load_or_make_passing, self_made
from tests.support.page_over_h3 import PAGE, H3Site
from tests.support.quic import ALPN, Server, echo, engine_of, read_all, soon

pytestmark = [pytest.mark.browser, pytest.mark.interop]

PATIENCE = 60
"""Seconds for a browser to come up on a busy machine."""


class OnePort(Server):
    """Serves echoes on our ALPN and a page on HTTP/3's; remembers what each client was shown and asked for."""

    def _accept(self, connection, alpn, fingerprint, remote_addr, *, alternative=None):
        super()._accept(connection, alpn, fingerprint, remote_addr, alternative=alternative)
        shown_leaf = engine_of(connection).handshake.certificate
        [shown] = [one for one in self.credentials.choices if one.encoded[0] is shown_leaf]
        if alpn == b"h3":
            self.sites.append((H3Site(connection), shown))
        else:
            self.echoes.append((asyncio.create_task(echo(connection)), shown))


@pytest.fixture
async def server(tmp_path):
    key = NodeKey.generate()
    credentials = self_made(key, load_or_make_passing(tmp_path / "node_certificate.pem"))
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[ALPN, b"h3"], credentials=credentials)
    server = OnePort(listener, key)
    server.sites, server.echoes, server.credentials = [], [], credentials
    try:
        yield server
    finally:
        for client in server.clients:
            client.close()
        await listener.close()
        await asyncio.gather(*(task for task, _ in server.echoes))


def pin_of(certified):
    """The hash of a key as browsers take it on their command line."""
    der = certified.leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@contextlib.asynccontextmanager
async def running(*command):
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def browse(chromium, server, profile):
    """The page as the browser has understood it. Nothing listens on TCP there, so it came over QUIC or not at all."""
    origin = f"{server.host}:{server.port}"
    trusted = pin_of(server.credentials.passing)
    options = (
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}", "--enable-quic",
        f"--origin-to-force-quic-on={origin}", f"--ignore-certificate-errors-spki-list={trusted}",
    )  # fmt: skip
    async with running(chromium, *options, "--dump-dom", f"https://{origin}/hello") as browser:
        output, errors = await asyncio.wait_for(browser.communicate(), PATIENCE)
    return output.decode(), errors.decode(errors="replace")


async def fetch(gtlsclient, server, folder):
    """The page as a client of other software has stored it."""
    folder.mkdir()
    address = (server.host, str(server.port), "https://localhost/page")
    options = ("--quiet", "--exit-on-all-streams-close", f"--download={folder}")
    async with running(gtlsclient, *options, *address) as client:
        output, errors = await soon(client.communicate())
    return (folder / "page").read_bytes(), output + errors


async def test_a_raw_key_peer_a_browser_and_a_foreign_client_are_served_on_one_port(
    program, chromium, server, tmp_path
):
    peer = await server.dial(key=NodeKey.generate())
    page, errors = await browse(chromium, server, tmp_path / "profile")
    assert "this came over QUIC" in page, errors
    stored, output = await fetch(program("gtlsclient"), server, tmp_path / "stored")
    assert stored == PAGE, output

    stream = await peer.open_bi()
    await stream.write(b"all along")
    stream.finish()
    assert await soon(read_all(stream)) == b"all along"

    raw, own, passing = server.credentials.choices
    assert [shown for _, shown in server.echoes] == [raw]
    asked = {site.requests[0][b":path"]: shown for site, shown in server.sites if site.requests}
    assert asked == {b"/hello": passing, b"/page": own}
