"""The two engines to compare, behind one face each for a server and for a client."""

import contextlib
import enum
from collections.abc import Callable
from typing import Protocol

from bench.engine_workload import Opener

ALPN = b"alknet/bench"
HOST = "127.0.0.1"


class Side(enum.Enum):
    OURS = "ours"
    STOCK = "stock"


class Server(Protocol):
    """Answers every stream of every connection."""

    port: int
    open: dict[object, Callable[[], None]]
    """Each connection that has shown a key, oldest first, with what closes it."""

    async def start(self) -> str:
        """Serve, and tell the pin for the client."""
        ...


class Client(Protocol):
    def connect(self, port: int, pin: str) -> contextlib.AbstractAsyncContextManager[Opener]:
        """One connection on which both ends prove an Ed25519 key; closed with the block."""
        ...


def server_of(side: Side) -> Server:
    """Only the engine that is asked for is loaded: the other one's memory would count."""
    if side is Side.OURS:
        from bench.engine_ours import OurServer

        return OurServer()
    from bench.engine_stock import StockServer

    return StockServer()


def client_of(side: Side) -> Client:
    if side is Side.OURS:
        from bench.engine_ours import OurClient

        return OurClient()
    from bench.engine_stock import StockClient

    return StockClient()
