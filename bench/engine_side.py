"""The engines to compare, behind one face each for a server and for a client."""

import contextlib
import enum
from collections.abc import Callable
from typing import Protocol

from bench.engine_workload import Opener

ALPN = b"alknet/bench"
HOST = "127.0.0.1"


IDLE_TIMEOUT_S = 600.0
"""Of every engine: making the crowd takes longer than their defaults allow."""


class Side(enum.Enum):
    OURS = "ours"
    STOCK = "stock"

    @property
    def prefix(self) -> str:
        """What its figures' names begin with."""
        return "" if self is Side.OURS else f"{self.value}_"


def why_absent(side: Side) -> str | None:
    """Why this engine cannot be measured here, if it cannot."""
    return None


def variables(side: Side) -> dict[str, str]:
    """What the environment of its processes holds."""
    return {}


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
