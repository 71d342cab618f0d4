"""SSH of the node: its handler, where the settings want it, and the key by which it proves itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.assembly.store import Store
from node.core.handler import ProtocolHandler
from node.core.journal import Journal
from node.core.metrics import Metrics
from node.custody.errors import CustodyError
from node.custody.keeper import VaultKeeper
from node.handlers.ssh.errors import NoHostKey
from node.quic.tls.keys import KeyFileError, load_node_key
from node.reload import LiveSettings
from node.settings import Settings
from node.vault.errors import VaultError

if TYPE_CHECKING:
    from node.handlers.ssh.session import Subsystem


def open_ssh(
    settings: Settings,
    limits: LiveSettings,
    store: Store,
    metrics: Metrics,
    keeper: VaultKeeper,
    journal: Journal,
    subsystems: "Mapping[str, Subsystem] | None" = None,
) -> ProtocolHandler | None:
    """The handler of `alknet/ssh`; None where it is not enabled. Raises ShapeChanged."""
    if not settings.ssh.enabled:
        return None
    from node.handlers.ssh import handler as ssh  # noqa: PLC0415 - asyncssh takes long to import, for who wants it

    handler = ssh.SshHandler(store, limits.ssh, host_key(settings.ssh.host_key, keeper), subsystems, journal)
    store.subscribe(handler.enforce)
    store.subscribe_locks(handler.enforce_locks)
    metrics.add("ssh", handler.snapshot, meanings=ssh.MEANINGS)
    return handler


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
