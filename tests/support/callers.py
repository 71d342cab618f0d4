"""Clients of three makes that do the same things: ours, ngtcp2's gtlsclient, qh3.

Each asks for pages whose path is their size, or sends one body, and holds what came back against its hash. `Wishes`
says what else is asked of the connection.
"""

import asyncio
import contextlib
import ssl
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aioquic.tls import CipherSuite

from node.core.connection import Connection
from node.core.errors import PinMismatch
from node.core.identity import Address
from node.quic.client import outgoing
from node.quic.client.dial import dial_quic
from node.quic.engine.engine import configuration
from tests.support import http3
from tests.support.programs import CHACHA20_ONLY, QUIET, running
from tests.support.quic import LONG, engine_of, settled
from tests.support.site import ALPN, SiteServer

FIRST_ROUND_TRIP = 0.02
"""Seconds that a client takes for the round trip before it knows: short, for quick repairs on loopback."""


@dataclass(frozen=True, slots=True)
class Wishes:
    chacha20: bool = False
    versions: tuple[int, ...] = ()
    first_version: int | None = None
    update_keys: bool = False
    """Begin a key update as soon as the handshake is confirmed."""
    certificate: bool = False
    """Ask for a certificate, not for a raw key; other makes know nothing else."""
    first_round_trip: float = FIRST_ROUND_TRIP
    patience: float = LONG
    """Seconds of silence, and of the whole, after which the client has failed."""


PLAIN = Wishes()


class Caller(ABC):
    """One make of client. `via` is where to connect, if not at the server itself."""

    def __init__(self, server: SiteServer, directory: Path) -> None:
        self.server = server
        self.directory = directory

    @abstractmethod
    async def fetch(self, *sizes: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        """Ask for pages of these sizes at once, on one connection. Raises AssertionError where one is not right."""

    @abstractmethod
    async def deliver(self, size: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        """Send one body, of which the server must say the hash. Raises AssertionError."""


class Ours(Caller):
    @contextlib.asynccontextmanager
    async def connected(self, via: Address | None = None, wishes: Wishes = PLAIN) -> AsyncIterator[Connection]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outgoing, "configuration", lambda *a, **k: _shaped(configuration(*a, **k), wishes))
            host, port = via or self.server.address
            pin = await self._certificate_pin() if wishes.certificate else self.server.key.fingerprint
            connection = await dial_quic(host, port, alpn=ALPN, key=None, pin=pin, timeout=wishes.patience)
        try:
            yield connection
        finally:
            connection.close()

    async def fetch(self, *sizes: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        async with self.connected(via, wishes) as connection:
            asking = asyncio.gather(*(http3.ask(connection, f"/{size}") for size in sizes))
            if wishes.update_keys:
                await settled(lambda: engine_of(connection)._handshake_confirmed)
                engine_of(connection).request_key_update()
            for size, answer in zip(sizes, await asking, strict=True):
                _hold(answer.body, size)

    async def deliver(self, size: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        async with self.connected(via, wishes) as connection:
            answer = await http3.ask(connection, "/", http3.content(size))
            assert answer.body.decode() == http3.digest(http3.content(size))

    async def _certificate_pin(self) -> str:
        """The name of the certificate that the server shows, as a refused one is told."""
        try:
            await dial_quic(*self.server.address, alpn=ALPN, key=None, pin="SHA256:" + "0" * 64, timeout=LONG)
        except PinMismatch as mismatch:
            return mismatch.shown
        raise AssertionError("any certificate is taken")


class Qh3(Caller):
    """qh3 2, in this process."""

    @contextlib.asynccontextmanager
    async def connected(self, via: Address | None = None, wishes: Wishes = PLAIN) -> AsyncIterator[Any]:
        asyncio_api = pytest.importorskip("qh3.asyncio")
        host, port = via or self.server.address
        async with asyncio_api.connect(host, port, configuration=_qh3_settings(wishes)) as connection:
            try:
                yield connection
            finally:
                connection.close()
                # Its closing period is three probe time-outs, which in bad weather can be minutes: not waited for.
                connection._closed.set()

    async def fetch(self, *sizes: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        async with self.connected(via, wishes) as connection:
            if wishes.update_keys:
                await settled(lambda: connection._quic._handshake_confirmed)
                connection.request_key_update()
            answers = await asyncio.gather(*(self._ask(connection, f"/{size}") for size in sizes))
            for size, answer in zip(sizes, answers, strict=True):
                _hold(answer.body, size)

    async def deliver(self, size: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        async with self.connected(via, wishes) as connection:
            answer = await self._ask(connection, "/", http3.content(size))
            assert answer.body.decode() == http3.digest(http3.content(size))

    async def _ask(self, connection: Any, path: str, body: bytes = b"") -> http3.Message:
        reader, writer = await self._opened(connection)
        writer.write(http3.request(path, has_body=bool(body)))
        if body:
            writer.write(http3.frame(http3.DATA, body))
        writer.write_eof()
        return http3.parse(await reader.read())

    async def _opened(self, connection: Any) -> Any:
        """A stream, as soon as the server's limit allows one more.

        qh3's own `create_stream` fails there, rather than waits, and has then lost count of its streams.
        """
        quic = connection._quic
        async with asyncio.timeout(LONG):
            while True:
                try:
                    number = quic._require_core().open_stream(False)
                except ValueError:
                    await asyncio.sleep(0.001)
                else:
                    quic._record_local_stream(number)
                    return connection._create_stream(number)


class GtlsClient(Caller):
    """ngtcp2's client, in a process of its own."""

    program = "gtlsclient"

    async def fetch(self, *sizes: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        pages = Path(tempfile.mkdtemp(dir=self.directory))
        await self.run([f"https://localhost/{size}" for size in sizes], f"--download={pages}", via=via, wishes=wishes)
        for size in sizes:
            _hold((pages / str(size)).read_bytes(), size)

    async def deliver(self, size: int, via: Address | None = None, wishes: Wishes = PLAIN) -> None:
        body = self.directory / f"body-{size}"
        body.write_bytes(http3.content(size))
        await self.run(["https://localhost/"], f"--data={body}", "--http-method=POST", via=via, wishes=wishes)
        assert http3.content(size) in [request.body for request in self.server.site.requests]

    async def run(self, urls: Sequence[str], *options: str, via: Address | None = None, wishes: Wishes = PLAIN) -> str:
        """The client's output. Raises AssertionError where it ends in failure."""
        host, port = via or self.server.address
        options = (*QUIET, "--exit-on-all-streams-close", *_gtls_options(wishes), *options)
        async with running(self.program, *options, host, str(port), *urls) as process:
            output, _ = await asyncio.wait_for(process.communicate(), wishes.patience)
            assert process.returncode == 0, output
            return output.decode(errors="replace")


def _hold(body: bytes, size: int) -> None:
    assert (len(body), http3.digest(body)) == (size, http3.digest(http3.content(size)))


def _shaped(made: Any, wishes: Wishes) -> Any:
    made.initial_rtt, made.idle_timeout = wishes.first_round_trip, wishes.patience
    if wishes.chacha20:
        made.cipher_suites = [CipherSuite.CHACHA20_POLY1305_SHA256]
    if wishes.versions:
        made.supported_versions, made.original_version = list(wishes.versions), wishes.first_version
    return made


def _qh3_settings(wishes: Wishes) -> Any:
    from qh3.quic.configuration import QuicConfiguration
    from qh3.tls import CipherSuite as Suite

    made = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name="localhost")
    made.initial_rtt, made.idle_timeout = wishes.first_round_trip, wishes.patience
    if wishes.chacha20:
        made.cipher_suites = [Suite.CHACHA20_POLY1305_SHA256]
    if wishes.versions:
        made.supported_versions, made.original_version = list(wishes.versions), wishes.first_version
    return made


def _gtls_options(wishes: Wishes) -> list[str]:
    patience = f"{round(wishes.patience)}s"
    options = [f"--initial-rtt={round(wishes.first_round_trip * 1000)}ms"]
    options += [f"--timeout={patience}", f"--handshake-timeout={patience}"]
    if wishes.chacha20:
        options.append(CHACHA20_ONLY)
    if wishes.update_keys:
        options.append("--key-update=1ms")
    if wishes.versions:
        numbers = [f"{version:#x}" for version in wishes.versions]
        options += [f"--version={numbers[0]}", f"--preferred-versions={','.join(numbers)}"]
    return options
