"""Opening connections somewhere else than from this machine: what a SOCKS5 server and forwarded ports need."""

from typing import Protocol

from node.core.connection import BiStream


class OpenFailed(Exception):
    """There is no connection to that destination. The message never names it."""


class ChannelOpener(Protocol):
    """Whatever can open a stream to a host, which may be a name, and a port."""

    async def open(self, host: str, port: int) -> BiStream:
        """A stream to that destination, which is the caller's from now on. Raises OpenFailed."""
        ...
