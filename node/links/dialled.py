"""One link to a node that is dialled: made again whenever it is lost, for as long as the settings name it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from node.client.backoff import Backoff
from node.client.dial import dial
from node.core.connection import CLOSE_NORMAL, Connection
from node.core.errors import ConnectionClosed, DialError, PinMismatch, StreamError
from node.core.identity import AuthContext, Identity
from node.core.live import Live
from node.core.tasks import TaskSet
from node.handlers.call.connection import CallConnection
from node.handlers.call.handler import ALPN, CallHandler
from node.links.importing import Importer
from node.links.state import LinkState
from node.quic.limits import QuicLimits
from node.quic.tls.keys import NodeKey

FIRST_DELAY = 0.2
LONGEST_DELAY = 30.0
"""Seconds between two attempts, at first and at most."""
MISMATCH_DELAY = 600.0
"""The same after another key than the pinned one was shown: somebody has to look at that."""

logger = logging.getLogger(__name__)

Listing = Callable[[Connection, AuthContext], AbstractContextManager[object]]
"""Has a connection listed with all others of the node, for as long as the block lasts."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """What it takes to dial: the node's own key, the limits, and the list of its connections."""

    key: NodeKey
    limits: Live[QuicLimits]
    listing: Listing
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the node ends: what is connected goes on until its connection ends, and nothing is dialled any more."""


class DialledLink:
    """Dials one node with our key, and serves it: what it may do here, the peers' list says, as of any other."""

    def __init__(self, handler: CallHandler, dialling: Dialling, state: LinkState) -> None:
        """`state.wanted` has an address, and so a fingerprint."""
        self._handler = handler
        self._dialling = dialling
        self._state = state
        self._address = state.wanted.address or ""
        self._pin = state.wanted.fingerprint or ""
        self._facts = {"node": state.name, "address": self._address}

    async def run(self) -> None:
        """Until there is enough; cancellation ends it, and closes the connection. It leads to no node but another."""
        if self._pin == self._dialling.key.fingerprint:
            self._state.refused = True
            self._state.failed("the fingerprint is this node's own: set it to that of the other node")
            logger.error("a link leads to this node itself", extra=self._facts)
            return
        await self._keep_up()

    async def _keep_up(self) -> None:
        backoff = Backoff(FIRST_DELAY, LONGEST_DELAY)
        while not self._dialling.enough.is_set():
            try:
                lasted = await self._once()
            except PinMismatch as mismatch:
                self._mismatched(mismatch)
                await asyncio.sleep(MISMATCH_DELAY)
                continue
            except (DialError, OSError) as error:
                self._not_reached(str(error))
                lasted = 0.0
            except Exception:
                logger.exception("a link failed for a reason that nobody foresaw", extra=self._facts)
                self._state.failed("the link failed; the node's log says how")
                lasted = 0.0
            await asyncio.sleep(backoff.delay(lasted))

    async def _once(self) -> float:
        """Seconds that a connection lasted. Raises DialError."""
        limits = self._dialling.limits.value
        connection = await dial(self._address, ALPN, key=self._dialling.key, pin=self._pin, limits=limits)
        began = asyncio.get_running_loop().time()
        self._state.counts.dialled += 1
        connection.keep_alive()
        try:
            await self._serve(connection)
        finally:
            connection.close(CLOSE_NORMAL, "")
        if not self._dialling.enough.is_set():
            self._lost(await connection.wait_closed())
        return asyncio.get_running_loop().time() - began

    def _lost(self, end: ConnectionClosed) -> None:
        self._state.failed(f"the connection ended: {end}")
        logger.warning("link lost", extra=self._facts | {"code": end.code, "reason": end.reason})

    async def _serve(self, connection: Connection) -> None:
        auth = AuthContext(Identity(self._state.name), ALPN, connection.remote_addr, self._pin)
        calls = self._handler.calls(connection, auth)
        importing = TaskSet()
        self._state.opened(calls)
        logger.info("link up", extra=self._facts)
        try:
            with self._dialling.listing(connection, auth):
                self._import(calls, importing)
                await calls.run()
        except StreamError:
            pass  # how it has ended, the connection itself tells
        finally:
            self._state.closed(calls)
            await importing.cancel()

    def _import(self, calls: CallConnection, tasks: TaskSet) -> None:
        wanted = self._state.wanted.imports
        if wanted is not None:
            importer = Importer(calls, self._handler.peers, wanted, self._state)
            tasks.spawn(importer.run(), f"import from {self._state.name}")

    def _mismatched(self, mismatch: PinMismatch) -> None:
        self._state.counts.pin_mismatches += 1
        self._state.refused = True
        self._state.failed(str(mismatch))
        shown = {"expected": mismatch.expected, "shown": mismatch.shown, "seconds": MISMATCH_DELAY}
        logger.error("another node answers, or the node has another key: not linked", extra=self._facts | shown)

    def _not_reached(self, error: str) -> None:
        self._state.counts.dial_failures += 1
        self._state.refused = False
        if self._state.failed(error):
            logger.warning(
                "the node cannot be reached; it is dialled again and again", extra=self._facts | {"error": error}
            )
