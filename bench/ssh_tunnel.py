"""asyncssh's client over one stream of a connection."""

from collections.abc import Callable
from typing import Any

from node.core.connection import Connection
from node.core.stream_transport import StreamTransport


class Tunnel:
    """What asyncssh's client takes, as `tunnel`, for a connection to go through."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create_connection(self, factory: Callable[[], Any], _host: str, _port: int) -> tuple[Any, Any]:
        protocol = factory()
        return StreamTransport.attach(await self._connection.open_bi(), protocol), protocol

    def close(self) -> None:
        self._connection.close()

    async def wait_closed(self) -> None:
        await self._connection.wait_closed()
