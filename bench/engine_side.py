"""The engines to compare, behind one face each for a server and for a client."""

import contextlib
import enum
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from bench.engine_workload import Opener
from node.quic.accelerated import Build, enter, find, load, running

ALPN = b"alknet/bench"
HOST = "127.0.0.1"


IDLE_TIMEOUT_S = 600.0
"""Of every engine: making the crowd takes longer than their defaults allow."""


class Side(enum.Enum):
    OURS = "ours"
    ACCEL = "accel"
    STOCK = "stock"
    QH3 = "qh3"
    TLS = "tls"

    @property
    def prefix(self) -> str:
        """What its figures' names begin with."""
        return "" if self is Side.OURS else f"{self.value}_"

    @property
    def is_for_the_record(self) -> bool:
        """Whether it is measured only to know where we stand; a run does without it."""
        return self in (Side.QH3, Side.TLS)

    @property
    def has_streams(self) -> bool:
        return self is not Side.TLS


def why_absent(side: Side, tree: Path | None) -> str | None:
    """Why this engine cannot be measured here, if it cannot. `tree` is an accelerated engine to take as it is."""
    if side is Side.QH3 and find_spec("qh3") is None:
        return "qh3 is not installed"
    if side is Side.ACCEL and tree is None and (objection := find().objection):
        return objection.value
    return None


def choose_build(side: Side, tree: Path | None = None) -> None:
    """Let this process run the build of aioquic that is asked for, before anything imports it."""
    if side is not Side.ACCEL:
        return
    if tree is None:
        load("auto")
    else:
        enter(tree)
    if running() is not Build.ACCELERATED:
        raise SystemExit("the accelerated engine does not run")


class Server(Protocol):
    """Answers every stream of every connection."""

    port: int
    open: dict[object, Callable[[], None]]
    """Each connection whose handshake is complete, oldest first, with what closes it."""

    async def start(self) -> str:
        """Serve, and tell the pin for the client."""
        ...


class Client(Protocol):
    def connect(self, port: int, pin: str) -> contextlib.AbstractAsyncContextManager[Opener]:
        """One connection on which both ends prove an Ed25519 key, as far as they can; closed with the block."""
        ...


def server_of(side: Side) -> Server:
    """Only the engine that is asked for is loaded: another one's memory would count."""
    match side:
        case Side.OURS | Side.ACCEL:
            from bench.engine_ours import OurServer

            return OurServer()
        case Side.STOCK:
            from bench.engine_stock import StockServer

            return StockServer()
        case Side.QH3:
            from bench.engine_qh3 import Qh3Server

            return Qh3Server()
        case Side.TLS:
            from bench.engine_tls import TlsServer

            return TlsServer()


def client_of(side: Side) -> Client:
    match side:
        case Side.OURS | Side.ACCEL:
            from bench.engine_ours import OurClient

            return OurClient()
        case Side.STOCK:
            from bench.engine_stock import StockClient

            return StockClient()
        case Side.QH3:
            from bench.engine_qh3 import Qh3Client

            return Qh3Client()
        case Side.TLS:
            from bench.engine_tls import TlsClient

            return TlsClient()
