"""SSH of the node: its handler, where the settings want it, and the key by which it proves itself."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.assembly.store import Store
from node.core.address import format_host_port, parse_host_port
from node.core.journal import Journal
from node.core.metrics import Metrics
from node.custody.errors import CustodyError
from node.custody.keeper import VaultKeeper
from node.handlers.ssh.errors import NoHostKey
from node.quic.tls.keys import KeyFileError, load_node_key
from node.reload import LiveSettings
from node.settings import Settings
from node.tcp import listener as tcp
from node.tcp.listener import TcpListener
from node.vault.errors import VaultError

if TYPE_CHECKING:
    from node.handlers.ssh.forwarding.shared import Forwarding
    from node.handlers.ssh.handler import SshHandler
    from node.handlers.ssh.subsystem import Subsystem

ALPN = b"alknet/ssh"

logger = logging.getLogger(__name__)


class CannotListen(Exception):
    """An address of the node is taken, or is none of this machine's."""


def open_ssh(
    settings: Settings,
    limits: LiveSettings,
    store: Store,
    metrics: Metrics,
    keeper: VaultKeeper,
    journal: Journal,
    subsystems: "Mapping[str, Subsystem] | None" = None,
    forwarding: "Forwarding | None" = None,
) -> "SshHandler | None":
    """The handler of `alknet/ssh`; None where it is not enabled. Raises ShapeChanged."""
    if not settings.ssh.enabled:
        return None
    from node.handlers.ssh import handler as ssh  # noqa: PLC0415 - asyncssh takes long to import, for who wants it
    from node.handlers.ssh.child_watcher import wait_without_threads  # noqa: PLC0415

    wait_without_threads()
    key = host_key(settings.ssh.host_key, keeper)
    handler = ssh.SshHandler(store, limits.ssh, key, subsystems, journal, forwarding)
    store.subscribe(handler.enforce)
    store.subscribe_locks(handler.enforce_locks)
    store.subscribe_rules(handler.enforce_policy)
    metrics.add("ssh", handler.snapshot, meanings=ssh.MEANINGS)
    return handler


@contextlib.asynccontextmanager
async def ssh_over_tcp(settings: Settings, metrics: Metrics) -> AsyncIterator[tuple[TcpListener, ...]]:
    """The TCP port of SSH for as long as the block lasts, where the settings name one. Raises CannotListen."""
    wanted = settings.ssh
    if not (wanted.enabled and wanted.listen):
        yield ()
        return
    host, port = parse_host_port(wanted.listen)
    bounds = {"most": wanted.tcp_connections, "most_of_address": wanted.tcp_connections_per_address}
    try:
        listener = await TcpListener.bind(host, port, ALPN, **bounds)
    except OSError as error:
        raise CannotListen(f"cannot listen on {wanted.listen} (TCP, for SSH): {error.strerror or error}") from error
    metrics.add("ssh_tcp", listener.snapshot, meanings=tcp.MEANINGS)
    logger.info("ssh over tcp", extra={"address": format_host_port(listener.address)})
    try:
        yield (listener,)
    finally:
        await listener.close()


def host_key(file: str, keeper: VaultKeeper) -> Callable[[], Ed25519PrivateKey]:
    """What gives the host key: out of `file`, else of the vault. It raises NoHostKey while that is not to be had."""

    def of_file() -> Ed25519PrivateKey:
        try:
            return load_node_key(Path(file)).private
        except (OSError, KeyFileError) as error:
            raise NoHostKey(f"the SSH host key cannot be read: {error}") from None

    def of_vault() -> Ed25519PrivateKey:
        try:
            return keeper.ssh_host_key()
        except (CustodyError, VaultError):
            raise NoHostKey("the SSH host key is derived from the vault, which is not open") from None

    return of_file if file else of_vault
