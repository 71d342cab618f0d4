"""A server of other people: ngtcp2's gtlsserver, on GnuTLS (Debian package ngtcp2-server), and what is asked of it."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from node.core.connection import Connection
from node.core.identity import Address
from tests.support import http3
from tests.support.programs import certificate, free_port, listening, running
from tests.support.quic import soon

_BODY = re.compile(rb"^http: stream (\w+) body (\d+) bytes\n((?:[0-9a-f]{8}.*\n)*)", re.MULTILINE)
"""Part of a request's body, as the server prints it: sixteen bytes in a row, in hex between columns 10 and 59."""


@dataclass(frozen=True, slots=True)
class ForeignServer:
    """A running gtlsserver: where it is, the pin of its certificate, and the directory of its pages and its output."""

    address: Address
    pin: str
    directory: Path

    def page(self, size: int) -> str:
        """The path of a page with `http3.content` of this size."""
        (self.directory / f"page-{size}").write_bytes(http3.content(size))
        return f"/page-{size}"

    def bodies(self) -> list[bytes]:
        """What came on each stream, where only one connection has sent bodies."""
        found: dict[bytes, list[bytes]] = {}
        for stream, length, dump in _BODY.findall(self.output()):
            part = b"".join(bytes.fromhex(row[10:59].decode()) for row in dump.splitlines())
            assert len(part) == int(length)
            found.setdefault(stream, []).append(part)
        return [b"".join(parts) for parts in found.values()]

    def output(self) -> bytes:
        return _output(self.directory).read_bytes()


@contextlib.asynccontextmanager
async def gtlsserver(path: str, directory: Path, *options: str) -> AsyncIterator[ForeignServer]:
    """Serves pages. To a body it answers nothing of interest, but it prints what it was sent."""
    key, leaf, pin = certificate(directory)
    port = free_port()
    options = ("--no-quic-dump", f"--htdocs={directory}", *options)
    with _output(directory).open("wb") as output:
        async with running(path, *options, "127.0.0.1", str(port), str(key), str(leaf), output=output):
            await listening(port)
            yield ForeignServer(("127.0.0.1", port), pin, directory)


def _output(directory: Path) -> Path:
    return directory / "gtlsserver.txt"


async def fetch(connection: Connection, server: ForeignServer, size: int) -> None:
    """A page, held against its hash."""
    answer = await soon(http3.ask(connection, server.page(size)))
    assert answer.headers[":status"] == "200"
    assert http3.digest(answer.body) == http3.digest(http3.content(size))


async def deliver(connection: Connection, server: ForeignServer, size: int) -> None:
    """A body, held against what the server prints of it before it answers."""
    answer = await soon(http3.ask(connection, "/10", http3.content(size)))
    assert answer.headers[":status"] == "200"
    assert http3.digest(http3.content(size)) in map(http3.digest, server.bodies())
