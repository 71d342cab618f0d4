"""What the control socket is told of a node, from its first moment on: the assembly fills it in as parts come up.

Nothing here waits, so that a node answers while its vault is locked and nothing is served yet.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from node.control.operations import Selection
from node.core.address import format_host_port
from node.core.metrics import Metrics
from node.endpoint.endpoint import Endpoint
from node.endpoint.live import LiveConnection

NO_REASON = "disconnected by the administrator"


@dataclass(frozen=True, slots=True)
class VaultFacts:
    """`state` is absent, locked or unlocked; `identity` is derived from the vault, or made-up."""

    state: str
    identity: str


NO_VAULT = VaultFacts("absent", "made-up")


class Administration:
    """Implements `node.control.operations.Administered` over the parts that exist so far."""

    def __init__(self, metrics: Metrics, engine: str) -> None:
        self._metrics = metrics
        self._engine = engine
        self._endpoint: Endpoint | None = None
        self._names: Callable[[], Mapping[str, str]] = dict
        self._started_at = time.time()
        self.vault: Callable[[], VaultFacts] = lambda: NO_VAULT
        self.waiting: Callable[[], Sequence[str]] = list
        """What of the node cannot serve yet, in words."""

    def serving(self, endpoint: Endpoint, names: Callable[[], Mapping[str, str]]) -> None:
        """The endpoint accepts now, under these names: `fingerprint`, `address` and `certificate`."""
        self._endpoint, self._names = endpoint, names

    def status(self) -> dict[str, Any]:
        names, vault = self._names(), self.vault()
        return {
            "node": {
                **{name: names.get(name) for name in ("fingerprint", "address", "certificate")},
                "engine": self._engine,
                "started_at": self._started_at,
                "serving": self._endpoint is not None,
            },
            "vault": {"state": vault.state, "identity": vault.identity},
            "waiting": list(self.waiting()),
            "connections": 0 if self._endpoint is None else len(self._endpoint.connections),
            "metrics": self._metrics.snapshot(),
        }

    def connections(self, after: int, limit: int) -> list[dict[str, Any]]:
        later = (live for live in self._live() if live.id > after)
        return [_facts(live) for live in islice(later, limit)]

    def disconnect(self, which: Selection, reason: str) -> int:
        if self._endpoint is None:
            return 0
        return self._endpoint.disconnect(self._chosen(which), reason or NO_REASON)

    def _live(self) -> Iterable[LiveConnection]:
        return () if self._endpoint is None else self._endpoint.connections

    def _chosen(self, which: Selection) -> Iterable[LiveConnection]:
        if self._endpoint is None:
            return ()
        if which.peer is not None:
            return self._endpoint.connections.of_peer(which.peer)
        if which.id is None:
            return self._endpoint.connections
        live = self._endpoint.connections.get(which.id)
        return () if live is None else (live,)


def _facts(live: LiveConnection) -> dict[str, Any]:
    """One connection as `node/connections` tells of it. The address is the one that the peer has proven last."""
    address = live.connection.remote_addr or live.auth.remote_addr
    return {
        "id": live.id,
        "peer": live.peer_id,
        "fingerprint": live.auth.tls_client_fingerprint,
        "alpn": live.auth.alpn.decode(errors="replace"),
        "remote_address": None if address is None else format_host_port(address),
        "since": live.since,
    }
