"""The assembly: reads the settings, makes every part of the node, wires them, and runs them to their end.

The only file that knows all the others. The order of a start matters: the store attaches to the file's changes and has
its whole index before the endpoint accepts, so that no peer is ever taken for a stranger.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any

from node.core.address import format_host_port, parse_host_port
from node.core.attempts import TokenGuards
from node.core.metrics import Metrics
from node.core.tasks import TaskSet
from node.endpoint.endpoint import Endpoint
from node.endpoint.registry import HandlerRegistry
from node.handlers.call.discovery import register_discovery
from node.handlers.call.handler import CallHandler
from node.handlers.call.operation import OperationRegistry
from node.lifeline import Lifeline
from node.quic.accelerated import running
from node.quic.selftest import EngineMismatch
from node.quic.server.listener import QuicListener
from node.quic.tls.certificate_watch import Certificates
from node.quic.tls.credentials import ServerCredentials
from node.quic.tls.keys import KeyFileError, NodeKey, load_or_create_node_key
from node.quic.tls.operator_files import operator_files
from node.reload import LiveSettings, SettingsWatch
from node.report import report
from node.settings import LoadedSettings, Settings
from node.store.libraries import TwoSqliteLibraries, require_one_sqlite
from node.store.memory import MemoryIdentityStore
from node.store.policy import PolicyError
from node.store.sqlite import SqliteStore

Store = MemoryIdentityStore | SqliteStore
Load = Callable[[], LoadedSettings]


class CannotListen(Exception):
    """The node's address is taken, or is none of this machine's."""


START_ERRORS = (CannotListen, OSError, KeyFileError, PolicyError, EngineMismatch, TwoSqliteLibraries)
"""What is wrong with the machine or its files, told in one line. Anything else is our fault, and keeps its trace."""

logger = logging.getLogger(__name__)


async def run_node(loaded: LoadedSettings, load: Load, lifeline: Lifeline) -> int:
    """Serve until SIGTERM, SIGINT or the end of the supervisor, drain, and give the exit status.

    `load` reads the settings again, as they were read at the start.
    """
    stop = asyncio.Event()
    orphaned = asyncio.create_task(_stop_when_orphaned(lifeline, stop), name="lifeline")
    try:
        with _signals({signal.SIGTERM: stop.set, signal.SIGINT: stop.set}):
            async with open_node(loaded, load, stop) as node:
                if node is not None:
                    lifeline.ready(**node.names())
                await stop.wait()
    except START_ERRORS as error:
        logger.critical("the node cannot start", extra={"error": str(error)})
        return 1
    finally:
        orphaned.cancel()
    return 0


class Node:
    """A node that serves: its endpoint, its store, the name of its key, and the numbers of all its rooms."""

    def __init__(
        self,
        endpoint: Endpoint,
        store: Store,
        listener: QuicListener,
        key: NodeKey,
        credentials: ServerCredentials,
        metrics: Metrics,
    ) -> None:
        self.endpoint = endpoint
        self.metrics = metrics
        self.store = store
        self.address = listener.address
        self.fingerprint = key.fingerprint
        self._credentials = credentials

    def names(self) -> dict[str, str]:
        """What a client knows the node by: its address, its key, and the certificate that browsers are shown."""
        shown = self._credentials.operator or self._credentials.passing
        return {
            "address": format_host_port(self.address),
            "fingerprint": self.fingerprint,
            "certificate": shown.fingerprint,
        }


@contextlib.asynccontextmanager
async def open_node(loaded: LoadedSettings, load: Load, stop: asyncio.Event) -> AsyncIterator[Node | None]:
    """A serving node, drained and closed on the way out; None if `stop` came before the first index did."""
    settings, limits, metrics = loaded.settings, LiveSettings(loaded.settings), Metrics()
    require_one_sqlite()
    key = load_or_create_node_key(settings.paths.node_key)
    async with contextlib.AsyncExitStack() as stack:
        watch = SettingsWatch(loaded, load, limits)
        given = operator_files(settings.node.certificate, settings.node.certificate_key)
        certificates = Certificates(key, settings.paths.passing_certificate, given)
        store = await stack.enter_async_context(_open_store(settings, limits))
        stack.enter_context(_signals({signal.SIGHUP: partial(_hang_up, watch, certificates, store)}))
        await stack.enter_async_context(_running(watch.run(), "settings"))
        registry = _handlers(limits, store, metrics)
        listener = await _bind(settings, limits, key, registry.alpns(), certificates.credentials)
        stack.push_async_callback(listener.close)
        metrics.add("quic", listener.snapshot, listener.metrics.troubles)
        if not await _loaded(store, stop):
            yield None
            return
        endpoint = Endpoint(registry, store, limits.endpoint, [listener])
        metrics.add("endpoint", lambda: {"connections": len(endpoint.connections)})
        store.subscribe(endpoint.enforce)
        serving = asyncio.create_task(endpoint.run(), name="endpoint")
        await stack.enter_async_context(_running(certificates.watch(), "certificates"))
        await stack.enter_async_context(_running(report(metrics), "report"))
        node = Node(endpoint, store, listener, key, certificates.credentials, metrics)
        logger.info("serving", extra={**node.names(), "engine": running().value})
        try:
            yield node
        finally:
            await endpoint.shutdown()
            await serving


async def _bind(
    settings: Settings, limits: LiveSettings, key: NodeKey, alpns: tuple[bytes, ...], credentials: ServerCredentials
) -> QuicListener:
    host, port = parse_host_port(settings.node.listen)
    try:
        return await QuicListener.bind(host, port, key=key, alpns=alpns, limits=limits.quic, credentials=credentials)
    except OSError as error:
        raise CannotListen(f"cannot listen on {settings.node.listen} (UDP): {error.strerror or error}") from error


def _handlers(limits: LiveSettings, store: Store, metrics: Metrics) -> HandlerRegistry:
    """Every protocol of this node, in order of preference."""
    guards = TokenGuards(store, lambda: limits.endpoint.value.max_token_failures)
    metrics.add("tokens", guards.snapshot, guards.snapshot)
    operations = OperationRegistry()
    register_discovery(operations)
    return HandlerRegistry([CallHandler(operations, store, limits.call, guards)])


@contextlib.asynccontextmanager
async def _open_store(settings: Settings, limits: LiveSettings) -> AsyncIterator[Store]:
    """The one source of truth for peers: a file of peers where one is named, else the database."""
    if settings.node.peers_file is not None:
        yield MemoryIdentityStore.from_file(settings.node.peers_file)
        return
    database = SqliteStore(settings.paths.database, limits.store)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


def _hang_up(watch: SettingsWatch, certificates: Certificates, store: Store) -> None:
    """Read every file again that can be."""
    watch.ask()
    certificates.ask()
    if isinstance(store, MemoryIdentityStore):
        store.reload()


async def _loaded(store: Store, stop: asyncio.Event) -> bool:
    """Wait for the first whole index. False if the stop came first."""
    if isinstance(store, SqliteStore) and not store.loaded:
        logger.warning("waiting for the database: the panel's process makes it")
        await _first(store.wait_loaded(), stop.wait())
    return not stop.is_set()


async def _stop_when_orphaned(lifeline: Lifeline, stop: asyncio.Event) -> None:
    await lifeline.wait_parent_gone()
    stop.set()


@contextlib.contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Run these on the loop when their signal comes, for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, Any], name: str) -> AsyncIterator[None]:
    """Work that never ends, for as long as the block lasts. If it fails, that is told, and the rest goes on."""
    tasks = TaskSet()
    tasks.spawn(work, name)
    try:
        yield
    finally:
        await tasks.cancel()


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of these has ended; cancel the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
