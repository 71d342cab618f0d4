"""A TCP port of this machine for its programs. It is there as long as its owner, whatever happens to connections."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from node.client.relay import reset
from node.client.system_words import system_words
from node.core.address import format_host_port
from node.core.identity import Address
from node.core.tasks import TaskSet

MAX_CONNECTIONS = 512
"""Connections to one port at once; one more is reset."""


class PortUnavailable(Exception):
    """The address cannot be listened on. The message names it and says why."""


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection to its end. An OSError that it raises is that connection's."""


class LocalPort:
    """Made by `bind`."""

    def __init__(self, serve: Serve, most: int) -> None:
        self._serve = serve
        self._most = most
        self._tasks = TaskSet()
        self._servers: list[asyncio.Server] = []

    @classmethod
    async def bind(cls, address: Address, serve: Serve, most: int = MAX_CONNECTIONS) -> "LocalPort":
        """Listen at this address, at every one of its host's where that is a name. Raises PortUnavailable."""
        port = cls(serve, most)
        try:
            port._servers.append(await asyncio.start_server(port._accepted, *address))
        except OSError as error:
            why = system_words(error)
            raise PortUnavailable(f"cannot listen on {format_host_port(address)}: {why}") from None
        except UnicodeError:
            raise PortUnavailable(f"cannot listen on {format_host_port(address)}: that is no name of a host") from None
        return port

    @property
    def addresses(self) -> list[str]:
        """Where it listens, as HOST:PORT."""
        names = [sock.getsockname() for server in self._servers for sock in server.sockets]
        return [format_host_port((name[0], name[1])) for name in names]

    def stop_listening(self) -> None:
        """Take no further connection; those that there are go on. Harmless when repeated."""
        for server in self._servers:
            server.close()

    async def drain(self, seconds: float) -> bool:
        """Wait for the connections to end by themselves. False if some still go on after `seconds`."""
        return await self._tasks.drain(seconds)

    async def close(self) -> None:
        """Stop listening and reset every connection."""
        self.stop_listening()
        await self._tasks.cancel()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= self._most:
            reset(writer)
            return
        self._tasks.spawn(self._one(reader, writer), "local port")

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
            writer.close()
        except BaseException as error:
            reset(writer)
            if not isinstance(error, OSError):
                raise
        with contextlib.suppress(OSError):
            await writer.wait_closed()
