"""Hostile datagrams, the same ones in every run, and a digest of how an engine answers them.

Run as `python -m tests.support.hostile stock|TREE [CONNECTIONS]`: prints the digest and what it is made of. Two builds
of one engine must print the same. Both aioquic's own connection and ours are attacked: with changed datagrams in every
phase of the handshake, and, once connected, with packets under the right keys that hold well-formed or senseless
frames. What goes into the digest is all that can be seen from outside: closes, events, the sizes of what is sent,
timers, and what is raised. Keys differ from run to run, and none of these depends on them.
"""

import datetime
import hashlib
import json
import logging
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.quic.accelerated import enter

SEED = 20
CONNECTIONS = 400
"""Of each kind; a connection that is attacked takes up to 20 datagrams."""

CLIENT, SERVER = ("192.0.2.1", 1111), ("192.0.2.2", 4433)
ALPN = "alknet/test"

_FIELDS = {
    0x00: "", 0x01: "", 0x02: "a", 0x03: "avvv", 0x04: "svv", 0x05: "sv", 0x06: "vd", 0x07: "d", 0x10: "v", 0x11: "sv",
    0x12: "v", 0x13: "v", 0x14: "v", 0x15: "sv", 0x16: "v", 0x17: "v", 0x18: "vvi", 0x19: "v", 0x1A: "8", 0x1B: "8",
    0x1C: "vvd", 0x1D: "vd", 0x1E: "", 0x30: "r", 0x31: "d",
    0x08: "sr", 0x09: "sr", 0x0A: "sd", 0x0B: "sd", 0x0C: "svr", 0x0D: "svr", 0x0E: "svd", 0x0F: "svd",
}  # fmt: skip
"""Frame types and their fields (RFC 9000 §19): v number, s stream id, d bytes with their length, r the rest, a ranges
of an acknowledgement, i a connection id with its token, 8 eight bytes."""


class Attacker(random.Random):
    """Makes numbers, frames and changed datagrams."""

    def number(self) -> bytes:
        """A variable-length integer (RFC 9000 §16), small ones more often than large ones."""
        value = self.getrandbits(self.choice((2, 4, 6, 6, 10, 14, 20, 30, 61)))
        size = next(n for n in range(4) if value < 1 << (8 * (1 << n) - 2))
        return (value | size << (8 * (1 << size) - 2)).to_bytes(1 << size, "big")

    def frame(self) -> bytes:
        kind = self.choice(list(_FIELDS))
        return bytes([kind]) + b"".join(self._field(field) for field in _FIELDS[kind])

    def payload(self) -> bytes:
        """Some frames, or bytes that only begin like frames; long enough to be protected."""
        if self.random() < 0.25:
            made = bytes([self.randrange(0x32)]) + self.randbytes(self.randrange(40))
        else:
            made = b"".join(self.frame() for _ in range(self.randint(1, 4)))
        return (made + bytes(4))[:1100]

    def change(self, datagram: bytes) -> bytes:
        """Never the same bytes again, so that no packet is taken in which an unchanged one would be."""
        kind = self.random()
        if kind < 0.2:
            return datagram[: self.randrange(1, len(datagram))]
        if kind < 0.3:
            return bytes([self.randrange(256)]) + self.randbytes(self.randrange(1300))
        changed = bytearray(datagram)
        for position in self.sample(range(len(changed)), min(len(changed), self.randint(1, 4))):
            changed[position] ^= self.randint(1, 255)
        return bytes(changed)

    def _field(self, field: str) -> bytes:
        match field:
            case "s":
                return bytes([self.randrange(24)])
            case "d":
                data = self.randbytes(self.randrange(40))
                return bytes([len(data)]) + data
            case "r":
                return self.randbytes(self.randrange(40))
            case "a":
                count = self.randrange(4)
                return b"".join((bytes([self.randrange(64), 0, count, self.randrange(8)]), bytes(2 * count)))
            case "i":
                return bytes([8]) + self.randbytes(24)
            case "8":
                return self.randbytes(8)
            case _:
                return self.number()


class Witness:
    """Writes down what can be seen of a connection."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.datagrams = 0
        self.raised = 0

    def feed(self, connection: Any, datagram: bytes, now: float) -> None:
        self.datagrams += 1
        try:
            connection.receive_datagram(datagram, CLIENT, now)
            self.look(connection, now)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be seen
            self.raised += 1
            self.lines.append(f"{type(error).__name__}: {error}")

    def look(self, connection: Any, now: float) -> None:
        while (event := connection.next_event()) is not None:
            self._write(event)
        if connection._close_event is not None:
            # The event itself comes only after the draining period.
            self._write(connection._close_event)
        sizes = [len(data) for data, _ in connection.datagrams_to_send(now)] if connection._network_paths else []
        timer = connection.get_timer()
        self.lines.append([sizes, None if timer is None else round(timer - now, 6)])

    def _write(self, event: Any) -> None:
        facts = [getattr(event, name, None) for name in ("stream_id", "error_code", "frame_type", "reason_phrase")]
        self.lines.append([type(event).__name__, *facts, len(getattr(event, "data", None) or b"")])


Pair = Callable[[], tuple[Any, Any]]


def attack(make: Pair, connections: int, witness: Witness) -> None:
    """Attack so many servers while they shake hands, and as many once they are connected."""
    attacker = Attacker(SEED)
    for number in range(connections):
        _attack_handshake(make, attacker, witness, phase=number % 4)
        _attack_connection(make, attacker, witness)


def _attack_handshake(make: Pair, attacker: Attacker, witness: Witness, phase: int) -> None:
    client, server = make()
    client.connect(SERVER, 1.0)
    passing = list(_to_server(client, server, rounds=phase))
    for _ in range(5):
        witness.feed(server, attacker.change(attacker.choice(passing)), 1.0 + phase / 1000)


def _attack_connection(make: Pair, attacker: Attacker, witness: Witness) -> None:
    from aioquic.tls import Epoch

    client, server = make()
    client.connect(SERVER, 1.0)
    list(_to_server(client, server, rounds=6))
    keys, number = client._cryptos[Epoch.ONE_RTT].send, client._packet_number
    for _ in range(attacker.randint(1, 15)):
        number += attacker.choice((1, 1, 1, 2, 7))
        header = bytes([0x41]) + server.host_cid + (number & 0xFFFF).to_bytes(2, "big")
        witness.feed(server, keys.encrypt_packet(header, attacker.payload(), number), 1.1)
    witness.look(server, 1.3)


def _to_server(client: Any, server: Any, rounds: int) -> Iterator[bytes]:
    """Shake hands so far; gives all that the client sent, of which the last is not delivered."""
    for step in range(rounds + 1):
        now = 1.0 + step / 1000
        sent = [data for data, _ in client.datagrams_to_send(now)]
        yield from sent
        if step == rounds:
            return
        for data in sent:
            server.receive_datagram(data, CLIENT, now)
        for data, _ in server.datagrams_to_send(now):
            client.receive_datagram(data, SERVER, now)


def our_pairs() -> Pair:
    """Our engine, with raw keys on both ends."""
    from node.core.live import Live
    from node.quic.client.dial import DialSettings
    from node.quic.connection.packets import Initial
    from node.quic.limits import QuicLimits
    from node.quic.server.gate import Entry
    from node.quic.server.serving import ServerSettings
    from node.quic.tls.keys import NodeKey

    key = NodeKey.generate()
    dialling = DialSettings(ALPN.encode(), NodeKey.generate(), key.fingerprint, "alknet", QuicLimits())
    serving = ServerSettings(key, [ALPN.encode()], Live(QuicLimits()))

    def make() -> tuple[Any, Any]:
        client = dialling.make_engine()
        original = client.original_destination_connection_id
        initial = Initial(version=1, destination=original, source=client.host_cid)
        return client, serving.make_engine(Entry(initial, CLIENT[0], original))

    return make


def stock_pairs() -> Pair:
    """aioquic's connection as it is."""
    import ssl

    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

    serving = QuicConfiguration(is_client=False, alpn_protocols=[ALPN], max_datagram_frame_size=1200)
    serving.certificate, serving.private_key = _certificate()

    def make() -> tuple[Any, Any]:
        dialling = QuicConfiguration(alpn_protocols=[ALPN], verify_mode=ssl.CERT_NONE, max_datagram_frame_size=1200)
        client = QuicConnection(configuration=dialling)
        original = client.original_destination_connection_id
        return client, QuicConnection(configuration=serving, original_destination_connection_id=original)

    return make


def _certificate() -> tuple[x509.Certificate, Ed25519PrivateKey]:
    """Self-signed, and of the same length each time."""
    key, name, now = Ed25519PrivateKey.generate(), x509.Name([]), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1).not_valid_before(now)
    return builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, None), key


def digest(connections: int) -> dict[str, Any]:
    """Attack both kinds of connection. Replaces this process's random numbers."""
    os.urandom = random.Random(SEED).randbytes  # type: ignore[assignment] - the same signature
    made: dict[str, Any] = {}
    for name, pairs in (("ours", our_pairs()), ("stock", stock_pairs())):
        witness = Witness()
        attack(pairs, connections, witness)
        seen = hashlib.sha256(json.dumps(witness.lines, default=repr).encode()).hexdigest()
        made[name] = {"digest": seen[:32], "datagrams": witness.datagrams, "raised": witness.raised}
    return made


if __name__ == "__main__":
    logging.disable()
    if sys.argv[1] != "stock":
        enter(Path(sys.argv[1]))
    print(json.dumps(digest(int(sys.argv[2]) if len(sys.argv) > 2 else CONNECTIONS)))
