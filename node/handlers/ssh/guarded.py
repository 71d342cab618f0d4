"""Between a stream's transport and asyncssh, which heeds no request to stop writing and bounds nothing by itself."""

import asyncio
from typing import Any, cast

from node.handlers.ssh.rekeying import watch_exchanges

MAX_BEFORE_SIGN_IN = 256 * 1024
"""Bytes that a client may send before it has signed in. A key exchange and ten keys take a tenth of that."""
MAX_ANSWERS = 4 * 1024 * 1024
"""Bytes that wait to be sent, beyond which nothing more is read. Sessions wait long before; what is left are answers
to requests, of which a client may send any number and read none."""


class Guarded(asyncio.Protocol):
    """Hands everything on to asyncssh's protocol, and lets writers wait until the stream takes more (`writable`).

    They also wait while keys are exchanged.
    """

    def __init__(self, ssh: asyncio.Protocol) -> None:
        self._ssh = ssh
        self._takes, self._exchanges = True, False
        self._early = 0
        self._held = False
        self._transport: asyncio.Transport | None = None
        self._signed_in = False
        self.writable = asyncio.Event()
        self.writable.set()
        watch_exchanges(ssh, self)

    def let_in(self) -> None:
        """The client has signed in."""
        self._signed_in = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ssh.connection_made(_Parting(self._transport))

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        if not self._signed_in:
            self._early += len(data)
            if self._early > MAX_BEFORE_SIGN_IN:
                self._transport.abort()
                return
        self._ssh.data_received(data)
        if not self._held and self._transport.get_write_buffer_size() > MAX_ANSWERS:
            self._held = True
            self._transport.pause_reading()

    def eof_received(self) -> bool | None:
        return self._ssh.eof_received()

    def pause_writing(self) -> None:
        self._takes = False
        self._balance()

    def resume_writing(self) -> None:
        self._takes = True
        self._balance()
        if self._held and self._transport is not None:
            self._held = False
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._takes, self._exchanges = True, False
        self._balance()
        self._ssh.connection_lost(exc)

    def exchange_begins(self) -> None:
        self._exchanges = True
        self._balance()

    def exchange_ends(self) -> None:
        self._exchanges = False
        self._balance()

    def too_much_waits(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _balance(self) -> None:
        if self._takes and not self._exchanges:
            self.writable.set()
        else:
            self.writable.clear()


class _Parting(asyncio.Transport):
    """A transport whose `abort` lets out what was written: asyncssh calls that right after its last words."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport

    def write(self, data: Any) -> None:
        self._transport.write(data)

    def abort(self) -> None:
        self._transport.close()

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)
