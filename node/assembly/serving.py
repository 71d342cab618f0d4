"""What serves QUIC: listener, endpoint, handlers, certificates. It needs the node's key and a whole index of peers."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

from node.assembly.numbers import add_endpoint, add_listener
from node.assembly.running import running
from node.assembly.ssh import CannotListen, ssh_over_tcp
from node.assembly.store import Store
from node.core.address import format_host_port, parse_host_port
from node.core.journal import Journal
from node.core.listener import Listener
from node.core.metrics import Metrics
from node.endpoint.endpoint import Endpoint
from node.endpoint.registry import HandlerRegistry
from node.quic.accelerated import running as engine
from node.quic.server.listener import QuicListener
from node.quic.tls.certificate_watch import Certificates
from node.quic.tls.credentials import ServerCredentials
from node.quic.tls.keys import NodeKey
from node.quic.tls.operator_files import operator_files
from node.reload import LiveSettings
from node.settings import Settings

logger = logging.getLogger(__name__)


class Serving:
    """A node that serves: its endpoint, its address and the names of its keys."""

    def __init__(self, endpoint: Endpoint, listener: QuicListener, key: NodeKey, certificates: Certificates) -> None:
        self.endpoint = endpoint
        self.address = listener.address
        self.fingerprint = key.fingerprint
        self.certificates = certificates

    def names(self) -> dict[str, str]:
        """What a client knows the node by: its address, its key, and the certificate that browsers are shown."""
        credentials = self.certificates.credentials
        shown = credentials.operator or credentials.passing
        return {
            "address": format_host_port(self.address),
            "fingerprint": self.fingerprint,
            "certificate": shown.fingerprint,
        }


class Listening:
    """A bound port whose handlers are ready: what serves as soon as there is an index."""

    def __init__(
        self,
        listener: QuicListener,
        registry: HandlerRegistry,
        key: NodeKey,
        shown: Certificates,
        others: Sequence[Listener] = (),
    ) -> None:
        self.listener = listener
        self.others = others
        self.registry = registry
        self.key = key
        self.certificates = shown


@contextlib.asynccontextmanager
async def listen(
    settings: Settings, limits: LiveSettings, registry: HandlerRegistry, metrics: Metrics, key: NodeKey
) -> AsyncIterator[Listening]:
    """Bind the node's port for as long as the block lasts. Raises CannotListen, KeyFileError."""
    given = operator_files(settings.node.certificate, settings.node.certificate_key)
    certificates = Certificates(key, settings.paths.passing_certificate, given)
    listener = await _bind(settings, limits, key, registry.alpns(), certificates.credentials)
    try:
        add_listener(metrics, listener)
        async with ssh_over_tcp(settings, metrics) as others:
            yield Listening(listener, registry, key, certificates, others)
    finally:
        await listener.close()


@contextlib.asynccontextmanager
async def serve(
    listening: Listening, limits: LiveSettings, store: Store, metrics: Metrics, journal: Journal
) -> AsyncIterator[Serving]:
    """Serve for as long as the block lasts, and drain. The store has its index."""
    certificates = listening.certificates
    endpoint = Endpoint(listening.registry, store, limits.endpoint, [listening.listener, *listening.others], journal)
    add_endpoint(metrics, endpoint, store)
    store.subscribe(endpoint.enforce)
    store.subscribe_locks(endpoint.enforce_locks)
    task = asyncio.create_task(endpoint.run(), name="endpoint")
    async with running(certificates.watch(), "certificates"):
        serving = Serving(endpoint, listening.listener, listening.key, certificates)
        logger.info("serving", extra={**serving.names(), "engine": engine().value})
        try:
            yield serving
        finally:
            await endpoint.shutdown()
            await task


async def _bind(
    settings: Settings, limits: LiveSettings, key: NodeKey, alpns: tuple[bytes, ...], credentials: ServerCredentials
) -> QuicListener:
    host, port = parse_host_port(settings.node.listen)
    try:
        return await QuicListener.bind(host, port, key=key, alpns=alpns, limits=limits.quic, credentials=credentials)
    except OSError as error:
        raise CannotListen(f"cannot listen on {settings.node.listen} (UDP): {error.strerror or error}") from error
