"""What the control socket tells of this node and lets its administrator do, from the process's first moment on.

Nothing here waits: a node answers while its vault is locked and nothing is served yet.
"""

import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from node.assembly.health import node_checks
from node.assembly.identity import NodeIdentity
from node.control.audit import Sign, audit_operations
from node.control.errors import sealing_failed, vault_locked
from node.control.operations import Sealing, Selection, control_registry
from node.control.scopes import scope_operations
from node.control.server import MEANINGS, open_control
from node.core.address import format_host_port
from node.core.checkpoint import Checkpoint, checkpoint_message
from node.endpoint.live import LiveConnection, LiveConnections
from node.quic.accelerated import running as engine
from node.quic.tls.keys import NodeKey
from node.store.sqlite import SqliteStore
from node.vault import CURRENT_KEY_VERSION, EncryptedData, VaultError, VaultLocked, VaultService

if TYPE_CHECKING:
    from node.assembly.node import Node

T = TypeVar("T")

NO_REASON = "disconnected by the administrator"
NO_PEERS = "QUIC: the peers have not been read yet; the panel's first start makes their database"


@contextlib.asynccontextmanager
async def answer_administrator(node: "Node") -> AsyncIterator[None]:
    """Answer at DIR/run/node.sock for as long as the block lasts. Raises SocketTaken and OSError."""
    further = [*audit_operations(signing(node.identity)), *scope_operations(node.operations)]
    registry = control_registry(Administration(node), sealing(node.keeper.vault), further)
    limits, path = node.limits, node.settings.paths.control_socket
    async with open_control(path, registry, limits.control, limits.call) as server:
        node.metrics.add("control", server.snapshot, meanings=MEANINGS)
        yield


def sealing(vault: VaultService) -> Sealing:
    """The vault as the control socket may use it: it seals, and nothing that it opens gets out."""

    def seal(plaintext: str, key_version: int | None) -> Mapping[str, Any]:
        version = CURRENT_KEY_VERSION if key_version is None else key_version
        return _told(lambda: vault.encrypt(plaintext, version), "the secret cannot be sealed").to_json()

    def reseal(credential: Mapping[str, Any], key_version: int) -> Mapping[str, Any]:
        told = "the credential cannot be opened: it is damaged, or another vault has sealed it"
        return _told(lambda: vault.rotate(EncryptedData.from_json(credential), key_version), told).to_json()

    return Sealing(seal, reseal)


def signing(identity: NodeIdentity) -> Sign:
    """The node's key as the control socket may use it: for heads of audit logs, while it can be had."""

    def sign(number: int, digest: str) -> Checkpoint:
        try:
            key = identity.key()
        except VaultLocked:
            raise vault_locked() from None
        return signed_head(key, number, digest)

    return sign


def signed_head(key: NodeKey, number: int, digest: str) -> Checkpoint:
    """The checkpoint of a head that a key signs at this moment. Raises ValueError where it is no head."""
    signed_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = key.private.sign(checkpoint_message(number, digest, key.fingerprint, signed_at))
    return Checkpoint(number, digest, key.fingerprint, signed_at, base64.b64encode(signature).decode())


def _told(work: Callable[[], T], failure: str) -> T:
    """What `work` gives. Raises CallError in words of ours."""
    try:
        return work()
    except VaultLocked:
        raise vault_locked() from None
    except VaultError:
        raise sealing_failed(failure) from None


class Administration:
    """Implements `node.control.operations.Administered` over the parts that exist so far."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def status(self) -> dict[str, Any]:
        node = self._node
        serving = node.serving is not None
        waiting = node.waiting()
        if not serving and not node.identity.waits:
            waiting = [NO_PEERS, *waiting]
        return {
            "node": {
                **self._names(),
                "engine": engine().value,
                "started_at": node.started_at,
                "serving": serving,
            },
            "vault": {"state": node.keeper.state, "identity": node.identity.kind},
            "waiting": waiting,
            "connections": len(self._live()),
            "nodes": node.links.facts(),
            "index": {"position": node.store.position if isinstance(node.store, SqliteStore) else None},
            "health": [asdict(check) for check in node_checks(node)],
            "metrics": node.metrics.snapshot(),
        }

    def connections(self, after: int, limit: int) -> list[dict[str, Any]]:
        later = (live for live in self._live() if live.id > after)
        return [_facts(live) for live in islice(later, limit)]

    def connections_of(self, ids: Iterable[int]) -> list[dict[str, Any]]:
        found = (self._live().get(one) for one in sorted(set(ids)))
        return [_facts(live) for live in found if live is not None]

    def disconnect(self, which: Selection, reason: str) -> int:
        serving = self._node.serving
        return 0 if serving is None else serving.endpoint.disconnect(self._chosen(which), reason or NO_REASON)

    def _names(self) -> dict[str, str | None]:
        """`fingerprint`, `address` and `certificate`, None for what is not known before the node serves; `listen`."""
        node = self._node
        if node.serving is not None:
            return {**node.serving.names(), "listen": node.settings.node.listen}
        names = {"fingerprint": node.identity.fingerprint or None, "address": None, "certificate": None}
        return {**names, "listen": node.settings.node.listen}

    def _live(self) -> LiveConnections:
        serving = self._node.serving
        return LiveConnections() if serving is None else serving.endpoint.connections

    def _chosen(self, which: Selection) -> Iterable[LiveConnection]:
        if which.peer is not None:
            return self._live().of_peer(which.peer)
        if which.id is None:
            return self._live()
        live = self._live().get(which.id)
        return () if live is None else (live,)


def _facts(live: LiveConnection) -> dict[str, Any]:
    """One connection as `node/connections` tells of it. The address is the one that the peer has proven last."""
    address = live.connection.remote_addr or live.auth.remote_addr
    received, sent = live.connection.transferred or (None, None)
    peer_id, fingerprint = live.shown
    return {
        "id": live.id,
        "peer": peer_id,
        "fingerprint": fingerprint,
        "alpn": live.auth.alpn.decode(errors="replace"),
        "remote_address": None if address is None else format_host_port(address),
        "since": live.since,
        "bytes_received": received,
        "bytes_sent": sent,
    }
