"""Peers that mean harm: packets with hand-made frames under the keys of a real connection; and where memory hides."""

from bench.hostile import packed, sealed
from node.core.connection import Connection
from node.core.live import live
from node.quic.client.outgoing import DialSettings
from node.quic.connection.packets import parse_initial
from node.quic.engine.engine import Engine
from node.quic.limits import QuicLimits
from node.quic.server.gate import Entry
from node.quic.server.serving import ServerSettings
from node.quic.tls.keys import NodeKey
from tests.support.quic import ALPN, engine_of

PIECE = 88
"""Bytes that one piece of out-of-order data costs beside the data: two numbers, and their places in two lists."""


class Attacker:
    """The client's end of an established connection over a real socket."""

    def __init__(self, connection: Connection) -> None:
        self.engine = engine_of(connection)
        self._owner = connection._source._host._owner

    def send(self, *frames: bytes) -> int:
        """All frames, packed tight. Gives the number of datagrams."""
        count = 0
        for payload in packed(frames):
            self._owner.send([(sealed(self.engine, payload), self.engine.get_peer_address())])
            count += 1
        return count


class Duel:
    """A client's and a server's engine with a clock of our own and no network: whatever is sent arrives at once."""

    CLIENT, SERVER = ("192.0.2.1", 1), ("192.0.2.2", 2)

    def __init__(self, **limits: float) -> None:
        key, bounds = NodeKey.generate(), QuicLimits(**limits)
        self.now = 0.0
        self.client = DialSettings(ALPN, None, key.fingerprint, "alknet", bounds).make_engine()
        self.client.connect(self.SERVER, self.now)
        hello = self.client.datagrams_to_send(self.now)[0][0]
        initial = parse_initial(hello)
        assert initial is not None
        self.server = ServerSettings(key, [ALPN], live(bounds)).make_engine(
            Entry(initial, "192.0.2.1", initial.destination)
        )
        self.hello = hello

    def shake_hands(self) -> "Duel":
        self.strike(self.hello)
        for _ in range(8):
            self.exchange()
        assert self.server._handshake_confirmed
        assert self.client._handshake_confirmed
        return self

    def exchange(self) -> None:
        """10 ms of honest traffic both ways."""
        self.now += 0.01
        for source, target, address in (
            (self.server, self.client, self.SERVER),
            (self.client, self.server, self.CLIENT),
        ):
            for data in self.answers(source):
                target.receive_datagram(data, address, self.now)
            list(target.pending_events())

    def strike(self, data: bytes) -> None:
        """One datagram of the client's, whatever it holds."""
        self.server.receive_datagram(data, self.CLIENT, self.now)
        list(self.server.pending_events())

    def attack(self, *frames: bytes) -> None:
        """All frames, packed tight, under the client's keys."""
        for payload in packed(frames):
            self.strike(sealed(self.client, payload))

    def answers(self, engine: Engine) -> list[bytes]:
        """What an engine has to say now, its timers included."""
        due = engine.get_timer()
        if due is not None and due <= self.now:
            engine.handle_timer(self.now)
        return [data for data, _ in engine.datagrams_to_send(self.now)]


def held(engine: Engine) -> int:
    """Bytes that an engine keeps of what its peer sent, and of what it has not acknowledged."""
    streams = (*engine._streams.values(), *engine._crypto_streams.values())
    received = sum(len(one.receiver._buffer) + PIECE * len(one.receiver._ranges) for one in streams)
    return received + sum(len(one.sender._buffer) for one in streams)


def held_by(connection: Connection) -> int:
    """The same of a connection, with what waits for its handler to read it."""
    return held(engine_of(connection)) + sum(len(stream._inbox) for stream in connection._source._streams.values())
