"""The endpoint: transports in, handlers out, and one table of what is being served (spec core §10)."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from node.core import current
from node.core.connection import CLOSE_DISCONNECTED, CLOSE_LOCKED, CLOSE_NORMAL, Connection, Proven
from node.core.errors import ConnectionClosed, HandlerConnectionClosed, HandlerError, StreamError, handler_error
from node.core.handler import ProtocolHandler
from node.core.identity import Address, AuthContext
from node.core.index import IndexSwap
from node.core.journal import Journal, NoJournal
from node.core.listener import Listener
from node.core.live import Live, live
from node.core.lock_provider import LockSwap
from node.core.locks import Lock
from node.core.rate import Allowance
from node.core.repository import IdentityProvider, resolve_client
from node.core.tasks import TaskSet
from node.endpoint import events
from node.endpoint.enforcement import Enforcement, enforce, touched
from node.endpoint.limits import EndpointLimits
from node.endpoint.live import LiveConnection, LiveConnections
from node.endpoint.locking import LockEnforcement, close_locked, enforce_locks
from node.endpoint.numbers import Denial, EndpointNumbers
from node.endpoint.registry import HandlerRegistry

ACME_ALPN = b"acme-tls/1"
QUIET_AT_ONCE, QUIET_PER_SECOND = 50, 2.0
"""Changes of rights that closed nothing and are told to the journal all the same; of those that did, all are."""

logger = logging.getLogger(__name__)


class Endpoint:
    """Serves connections from any number of listeners until `shutdown`. It binds nothing and builds no TLS."""

    def __init__(
        self,
        registry: HandlerRegistry,
        provider: IdentityProvider,
        limits: EndpointLimits | Live[EndpointLimits],
        listeners: Iterable[Listener] = (),
        journal: Journal | None = None,
    ) -> None:
        self._registry = registry
        self._provider = provider
        self._limits = live(limits)
        self._listeners = list(listeners)
        self._journal = journal or NoJournal()
        self._tasks = TaskSet()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self.connections = LiveConnections()
        self._quiet_changes = Allowance(QUIET_PER_SECOND, QUIET_AT_ONCE)
        self.last_enforcement: Enforcement | LockEnforcement | None = None
        self.disconnected = 0
        self.numbers = EndpointNumbers()

    async def run(self) -> None:
        """Accept and serve; returns once `shutdown` has been called and has finished."""
        for listener in self._listeners:
            listener.start(self.dispatch)
        await self._stopped.wait()

    def dispatch(
        self,
        connection: Connection,
        alpn: bytes,
        fingerprint: str | None,
        remote_addr: Address | None,
        *,
        alternative: str | None = None,
    ) -> None:
        """Hand a connection to the handler of its ALPN, in a task of its own. Never raises."""
        handler = self._registry.get(alpn)
        if handler is None or self._stopping.is_set():
            self._refuse(connection, alpn, fingerprint, remote_addr)
            return
        auth = AuthContext(None, alpn, remote_addr, fingerprint, alternative)
        if (lock := self._provider.lock_on(auth)) is not None:
            self._hold_back(connection, auth, lock)
            return
        identity = resolve_client(self._provider, auth)
        live = LiveConnection(connection, AuthContext(identity, alpn, remote_addr, fingerprint, alternative))
        logger.info("connected", extra=_facts(live))
        self._begin(live)
        connection.watch_moves(partial(self._moved, live))
        connection.watch_identity(partial(self._proven, live))
        live.task = self._tasks.spawn(self._serve(handler, live), f"connection {live.id}")
        live.task.add_done_callback(lambda _: self._done(live))

    @contextlib.contextmanager
    def listing(self, connection: Connection, auth: AuthContext) -> Iterator[LiveConnection]:
        """List a connection that we have made with those that we have accepted, for as long as the block lasts.

        It can be ended as they can: by an administrator, and when the peer that holds its key loses its rights. One
        that a lock holds back is closed at once.
        """
        auth = replace(auth, identity=None)
        if (lock := self._provider.lock_on(auth)) is not None:
            self._hold_back(connection, auth, lock)
            yield LiveConnection(connection, auth)
            return
        live = LiveConnection(connection, replace(auth, identity=resolve_client(self._provider, auth)))
        self._begin(live, dialled=True)
        before = current.carried.set(live.carried)
        try:
            yield live
        finally:
            current.carried.reset(before)
            self._done(live)

    def enforce(self, swap: IndexSwap) -> None:
        """Apply a change of rights to the live connections. Subscribe this to the store."""
        done = self.last_enforcement = enforce(swap, self.connections)
        close_locked(touched(swap, self.connections), self._provider)  # a stranger's key may be a locked peer's now
        self.numbers.enforced(done)
        if done.closed or (swap.changed and self._quiet_changes.take(time.monotonic())):
            self._journal.record(events.enforced(swap, done))

    def enforce_locks(self, swap: LockSwap) -> None:
        """Apply a change of the locks to the live connections. Subscribe this to the store."""
        done = self.last_enforcement = enforce_locks(swap, self._provider, self.connections)
        self.numbers.locked(done)
        self._journal.record(events.locks_enforced(done))

    def disconnect(self, chosen: Iterable[LiveConnection], reason: str) -> int:
        """Close these on an administrator's word, which each peer is told; how many there were, counted too."""
        ended = tuple(chosen)
        for one in ended:
            try:
                one.end(CLOSE_DISCONNECTED, reason)
            except Exception:
                logger.exception("close failed", extra=_facts(one))
        self.disconnected += len(ended)
        return len(ended)

    def snapshot(self) -> dict[str, int]:
        return {"connections": len(self.connections), "disconnected": self.disconnected}

    async def shutdown(self) -> None:
        """Stop accepting, let handlers finish for `drain_timeout`, then close the rest. May be called repeatedly.

        A handler that will not even be cancelled within another `drain_timeout` is left behind.
        """
        if self._stopping.is_set():
            await self._stopped.wait()
            return
        self._stopping.set()
        try:
            for listener in self._listeners:
                listener.stop_accepting()
            drain_timeout = self._limits.value.drain_timeout
            await self._tasks.drain(drain_timeout)
            for live in self.connections:
                live.end(CLOSE_NORMAL, "shutdown")
            await self._tasks.cancel(drain_timeout)
            await asyncio.gather(*(listener.close() for listener in self._listeners))
        finally:
            self._stopped.set()

    def _begin(self, live: LiveConnection, *, dialled: bool = False) -> None:
        self.connections.add(live)
        self._journal.record(events.connected(live, dialled=dialled))

    def _done(self, live: LiveConnection) -> None:
        """However it ended, and also where its task was cancelled before it ran."""
        self.connections.discard(live)
        self._journal.record(events.closed(live))

    def _moved(self, live: LiveConnection, old: Address, new: Address) -> None:
        """The peer has proven another address. `remote_addr` stays the one that it was accepted from."""
        logger.info("moved", extra=_facts(live) | {"old_addr": old, "new_addr": new})

    def _proven(self, live: LiveConnection, proven: Proven) -> None:
        """Its handler has found out who it is."""
        self.connections.prove(live, proven)
        self._journal.record(events.signed_in(live))

    def _hold_back(self, connection: Connection, auth: AuthContext, lock: Lock) -> None:
        self.numbers.denied[Denial.LOCKED] += 1
        facts = {"rule": "lock", "lock": lock.lock_id, "what": lock.what}
        logger.warning("connection refused", extra=facts | {"alpn": auth.alpn, "remote_addr": auth.remote_addr})
        self._journal.record(events.held_back(auth, lock))
        connection.close(CLOSE_LOCKED, lock.words)

    def _refuse(
        self, connection: Connection, alpn: bytes, fingerprint: str | None, remote_addr: Address | None
    ) -> None:
        if alpn == ACME_ALPN and not self._stopping.is_set():
            logger.debug("acme validation answered", extra={"remote_addr": remote_addr})
            connection.close(CLOSE_NORMAL, "acme done")
            return
        self.numbers.denied[Denial.STOPPING if self._stopping.is_set() else Denial.NO_HANDLER] += 1
        rule, message = ("stopping", "shutdown") if self._stopping.is_set() else ("no handler", "no handler")
        logger.warning("connection refused", extra={"rule": rule, "alpn": alpn, "remote_addr": remote_addr})
        self._journal.record(events.refused(alpn, fingerprint, remote_addr, rule, message))
        connection.close(CLOSE_NORMAL, message)

    async def _serve(self, handler: ProtocolHandler, live: LiveConnection) -> None:
        """Run the handler to its end; whatever it raises ends this connection and no other."""
        current.connection.set(live.id)
        current.carried.set(live.carried)
        try:
            await handler.handle(live.connection, live.auth)
        except (ConnectionClosed, HandlerConnectionClosed):
            pass
        except (StreamError, HandlerError) as error:
            cause = handler_error(error) if isinstance(error, StreamError) else error
            logger.warning("handler ended", extra=_facts(live) | {"error": str(cause)})
        except Exception:
            logger.exception("handler failed", extra=_facts(live))
        finally:
            live.connection.close(CLOSE_NORMAL, "")
            logger.info("disconnected", extra=_facts(live))


def _facts(live: LiveConnection) -> dict[str, object]:
    """What every log line on a connection carries."""
    peer_id, fingerprint = live.shown
    return {
        "connection": live.id,
        "peer_id": peer_id,
        "alpn": live.auth.alpn.decode(errors="replace"),
        "remote_addr": live.auth.remote_addr,
        "fingerprint": fingerprint,
    }
