"""What must not grow while keys are exchanged anew, which a client may begin and never finish.

Until the exchange is over asyncssh keeps every packet that it is asked to send, without a bound. So whoever writes
waits meanwhile (`Guarded.writable`); what is left are answers to what the client itself asks, which by RFC 4253 §7.1 it
may not while an exchange is under way: of these so many are kept, and then the connection ends.
"""

from collections.abc import Callable
from typing import Any, Protocol

NEEDS = ("_send_kexinit", "_send_deferred_packets", "_deferred_packets", "_kex_complete")
"""What is used of asyncssh's connection, by its own names."""
MAX_KEPT = 32_768
"""Packets that wait for the end of an exchange: more than all channels have under way."""


class Watcher(Protocol):
    """Who is told of it."""

    def exchange_begins(self) -> None: ...

    def exchange_ends(self) -> None: ...

    def too_much_waits(self) -> None:
        """More packets wait for its end than may. Told for each."""
        ...


class _Kept(list[Any]):
    """asyncssh's list of what it keeps back."""

    def __init__(self, kept: list[Any], watcher: Watcher) -> None:
        super().__init__(kept)
        self._watcher = watcher

    def append(self, packet: Any) -> None:
        super().append(packet)
        if len(self) > MAX_KEPT:
            self._watcher.too_much_waits()


def watch_exchanges(ssh: Any, watcher: Watcher) -> None:
    """Have a connection of asyncssh tell of each exchange of keys."""
    begin: Callable[[], None] = ssh._send_kexinit
    go_on: Callable[[], None] = ssh._send_deferred_packets

    def begun() -> None:
        ssh._deferred_packets = _Kept(ssh._deferred_packets, watcher)
        watcher.exchange_begins()
        begin()

    def over() -> None:
        go_on()
        if ssh._kex_complete:  # what was kept may have been enough for the next exchange
            watcher.exchange_ends()

    ssh._send_kexinit, ssh._send_deferred_packets = begun, over
