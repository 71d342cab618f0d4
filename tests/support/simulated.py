"""Two engines, a clock and a wire in one thread: a run with the same seed sends the same at the same times."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aioquic.quic import events

from node.core.live import Live
from node.quic.connection.packets import parse_initial
from node.quic.engine.budget import Budget
from node.quic.engine.engine import Engine, configuration
from node.quic.engine.windows import Window
from node.quic.limits import QuicLimits
from node.quic.server.gate import Entry
from node.quic.server.serving import ServerSettings
from node.quic.tls.handshake import ClientTls
from node.quic.tls.keys import NodeKey

ALPN = "alknet/test"
CLIENT = ("192.0.2.1", 1)
SERVER = ("192.0.2.2", 2)


@dataclass
class Path:
    """One way through the network. Whatever is larger than `mtu` (bytes of UDP payload) is lost."""

    mtu: int = 65_535
    delay: float = 0.005
    loss: float = 0.0
    drop: Callable[[bytes], bool] = lambda _: False
    sizes: list[int] = field(default_factory=list)
    """Of every datagram that was sent, delivered or not."""


class Host:
    """One engine, and a reader that takes whatever arrives at once."""

    def __init__(self, engine: Engine, address: Any) -> None:
        self.engine = engine
        self.address = address
        self.received: dict[int, int] = {}
        self.ended: set[int] = set()
        self.confirmed = False
        self.windows: dict[int, Window] = {}

    def read_events(self) -> None:
        while (event := self.engine.next_event()) is not None:
            if isinstance(event, events.HandshakeCompleted):
                self.confirmed = True
            if isinstance(event, events.StreamDataReceived):
                self._read(event)
            if isinstance(event, events.StreamReset):
                self.engine.drop(self.engine.undelivered(event.stream_id))

    def _read(self, event: events.StreamDataReceived) -> None:
        stream_id, count = event.stream_id, len(event.data)
        self.received[stream_id] = self.received.get(stream_id, 0) + count
        window = self.windows.setdefault(stream_id, self.engine.stream_window())
        if count:
            self.engine.read(stream_id, count, 0, window)
        if event.end_stream:
            self.ended.add(stream_id)


class Simulation:
    def __init__(
        self,
        limits: QuicLimits | None = None,
        seed: int = 1,
        watch: Callable[[bytes], None] = lambda _: None,
        budget: Budget | None = None,
    ) -> None:
        limits = limits or QuicLimits()
        self._watch = watch
        self.now = 0.0
        self.up, self.down = Path(), Path()
        self._chance = random.Random(seed)
        self._wire: list[tuple[float, int, Host, bytes, Any]] = []
        self._count = 0
        key = NodeKey.generate()
        settings = configuration(limits, [ALPN], is_client=True)
        settings.server_name = "alknet"
        client = Engine(settings, limits, lambda given: ClientTls(given, None, key.fingerprint))
        client.connect(SERVER, self.now)
        self._serving = ServerSettings(key, [ALPN.encode()], Live(limits))
        self._serving.budget = budget or self._serving.budget
        self.client = Host(client, CLIENT)
        first, _ = client.datagrams_to_send(self.now)[0]
        initial = parse_initial(first)
        assert initial is not None
        self.server = Host(self._serving.make_engine(Entry(initial, CLIENT[0], initial.destination)), SERVER)
        self._put(self.client, first)
        self.run_until(lambda: client._handshake_confirmed)

    def send(self, host: Host, size: int) -> int:
        """Queue a whole stream of this many bytes."""
        stream_id = host.engine.open()
        host.engine.send_stream_data(stream_id, bytes(size), end_stream=True)
        return stream_id

    def peer(self, host: Host) -> Host:
        return self.server if host is self.client else self.client

    def transfer(self, host: Host, size: int) -> float:
        """Send so much, and run until the peer has it. Gives the seconds that took."""
        began = self.now
        stream_id = self.send(host, size)
        peer = self.peer(host)
        self.run_until(lambda: stream_id in peer.ended)
        assert peer.received[stream_id] == size
        return self.now - began

    def run_until(self, done: Callable[[], bool], most: float = 60.0) -> None:
        """Raises AssertionError if that does not come within so many simulated seconds."""
        deadline = self.now + most
        while not done():
            self._transmit()
            self.now = self._next(deadline)
            assert self.now < deadline, "it did not come to that"
            self._deliver()

    def run_for(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self._transmit()
            self.now = self._next(end)
            if self.now >= end:
                return
            self._deliver()

    # Parts

    def _transmit(self) -> None:
        for host in (self.client, self.server):
            if host.engine._network_paths:
                for data, _ in host.engine.datagrams_to_send(self.now):
                    self._put(host, data)
                host.read_events()

    def _next(self, latest: float) -> float:
        times = [latest, *[entry[0] for entry in self._wire[:1]]]
        for host in (self.client, self.server):
            if host.engine._network_paths and (due := host.engine.get_timer()) is not None:
                # A real loop wakes up a moment late, never early.
                times.append(due + 0.0001)
        return max(self.now, min(times))

    def _deliver(self) -> None:
        for host in (self.client, self.server):
            if host.engine._network_paths and (due := host.engine.get_timer()) is not None and due <= self.now:
                host.engine.handle_timer(self.now)
        while self._wire and self._wire[0][0] <= self.now:
            _, _, host, data, source = heapq.heappop(self._wire)
            host.engine.receive_datagram(data, source, self.now)
            host.read_events()

    def _put(self, sender: Host, data: bytes) -> None:
        path = self.up if sender is self.client else self.down
        path.sizes.append(len(data))
        self._watch(data)
        if len(data) > path.mtu or path.drop(data) or self._chance.random() < path.loss:
            return
        self._count += 1
        heapq.heappush(self._wire, (self.now + path.delay, self._count, self.peer(sender), data, sender.address))
