"""The numbers of a node that no room keeps by itself: what of several rooms is put together, and under which name."""

from collections import Counter
from collections.abc import Mapping

from node.assembly.store import Store
from node.core.histogram import Histogram
from node.core.index import IndexSwap, PeerIndex
from node.core.metrics import Kind, Labelled, Meaning, Metrics
from node.endpoint import numbers as endpoint_numbers
from node.endpoint.endpoint import Endpoint
from node.loop_lag import LoopLag
from node.quic.server import listener as quic_listener
from node.quic.server.listener import QuicListener

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def add_listener(metrics: Metrics, listener: QuicListener) -> None:
    """What a bound port counts."""
    metrics.add("quic", listener.snapshot, listener.metrics.troubles, quic_listener.MEANINGS)
    metrics.add_denials("quic", listener.metrics.denials)
    metrics.add_histogram(
        "handshake_seconds", "From a client's first packet to the complete handshake.", listener.handshakes
    )


def add_endpoint(metrics: Metrics, endpoint: Endpoint, store: Store) -> None:
    """What is served, to whom, and who is not."""
    metrics.add("endpoint", endpoint.snapshot, meanings=endpoint_numbers.MEANINGS)
    metrics.add_denials("endpoint", endpoint.numbers.denials)
    metrics.add_histogram(
        "revocation_seconds",
        "From the commit of a change to the last connection closed by it, of changes that closed some.",
        endpoint.numbers.revocation,
    )
    served = Meaning(Kind.GAUGE, "Connections that are served now, by protocol.")
    metrics.add_labelled(Labelled("connections", served, "alpn", lambda: by_alpn(endpoint)))
    states = PeerStates(store, endpoint)
    known = Meaning(
        Kind.GAUGE, "Peers by state: connected now, absent (may connect, and are not), expired, or disabled."
    )
    metrics.add_labelled(Labelled("peers", known, "state", states.counts))


def add_store(metrics: Metrics, store: Store) -> None:
    """How fast changes of the database reach the index."""
    lag = IndexLag()
    store.subscribe(lag.follow)
    metrics.add_histogram("index_lag_seconds", "From the commit of a change to an index that has it.", lag.seconds)
    generation = Meaning(Kind.GAUGE, "The last notification of the database that the index has.")
    metrics.add_single("index_generation", generation, lambda: store.index.generation)


def add_process(metrics: Metrics, lag: LoopLag) -> None:
    """What the process as a whole tells of itself."""
    metrics.add_histogram("loop_lag_seconds", "How late the loop was, looked at twice a second.", lag.seconds)
    denied = Meaning(Kind.COUNTER, "Who was denied something or turned away, by room and reason.")
    metrics.add_labelled(Labelled("denied", denied, "reason", lambda: _floats(metrics.denials())))


def by_alpn(endpoint: Endpoint) -> Mapping[str, float]:
    """Of protocols that have a connection. Only those that are served here can have one."""
    return _floats(Counter(live.auth.alpn.decode(errors="replace") for live in endpoint.connections))


class PeerStates:
    """Counts peers by state. A change costs what it changed; all are counted where everything was read anew."""

    def __init__(self, store: Store, endpoint: Endpoint) -> None:
        self._store = store
        self._endpoint = endpoint
        self._enabled: int | None = None
        store.subscribe(self._follow)

    def _follow(self, swap: IndexSwap) -> None:
        if swap.changed is None or self._enabled is None:
            self._enabled = None
            return
        self._enabled += sum(_enabled(swap.new, name) - _enabled(swap.old, name) for name in swap.changed)

    def counts(self) -> Mapping[str, float]:
        index = self._store.index
        if self._enabled is None:
            self._enabled = sum(entry.enabled for entry in index.peers.values())
        connected = self._endpoint.connections.peers
        expired = sum(_enabled(index, name) for name in index.terms.peers)
        absent = max(0, self._enabled - expired - connected)
        disabled = len(index.peers) - self._enabled
        return {"connected": connected, "absent": absent, "expired": expired, "disabled": disabled}


def _enabled(index: PeerIndex, peer_id: str) -> bool:
    entry = index.peers.get(peer_id)
    return entry is not None and entry.enabled


class IndexLag:
    """How long each change was under way, by the clock that writer and node share."""

    def __init__(self) -> None:
        self.seconds = Histogram(LAG_BUCKETS)

    def follow(self, swap: IndexSwap) -> None:
        if swap.committed_at is not None:
            self.seconds.observe(max(0.0, swap.swapped_at - swap.committed_at))


def _floats(counts: Mapping[str, int]) -> dict[str, float]:
    return {name: float(count) for name, count in counts.items()}
