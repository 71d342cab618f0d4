"""Stateless reset: telling a peer at once that its connection is forgotten, as after a restart (RFC 9000 §10.3)."""

import hmac
import os
import secrets
from hashlib import blake2s
from typing import Generic, TypeVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.core.address import format_host_port
from node.core.identity import Address
from node.quic.tls.keys import NodeKey

T = TypeVar("T")

TOKEN_LENGTH = 16
MIN_RESET = 21
"""Shortest datagram that can be a reset (RFC 9000 §10.3)."""
_LENGTHS = range(40, 60)
"""Lengths of ours, where the datagram that it answers is longer: those of small packets of a live connection."""


class ResetTokens:
    """One token for each connection id of one socket. They follow from the node's key and the socket's address.

    So a restarted node still knows them. No other socket of the node does: a packet for a living connection, sent to
    the wrong socket, would else be answered with the token that ends it (RFC 9000 §10.3.2).
    """

    def __init__(self, key: NodeKey, address: Address) -> None:
        seed = key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        info = b"alknet stateless reset " + format_host_port(address).encode()
        self._secret = HKDF(SHA256(), 32, salt=None, info=info).derive(seed)

    def token(self, connection_id: bytes) -> bytes:
        return hmac.digest(self._secret, connection_id, "sha256")[:TOKEN_LENGTH]

    def answer(self, connection_id: bytes, length: int) -> bytes | None:
        """The reset for a datagram of `length` bytes; shorter than that, so that two nodes cannot answer for ever."""
        size = min(length - 1, secrets.choice(_LENGTHS))
        if size < MIN_RESET:
            return None
        noise = os.urandom(size - TOKEN_LENGTH)
        return bytes([0x40 | noise[0] & 0x3F]) + noise[1:] + self.token(connection_id)


class ResetWatch(Generic[T]):
    """The tokens that the peers of one socket would end a stateless reset with, and whose they are.

    A token is kept as its digest under a secret of this process: one look-up finds it among any number of connections,
    and how long that takes tells nothing about the tokens (RFC 9000 §10.3.1).
    """

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._holders: dict[bytes, T] = {}

    def __len__(self) -> int:
        return len(self._holders)

    def add(self, token: bytes, holder: T) -> None:
        self._holders[self._digest(token)] = holder

    def discard(self, token: bytes, holder: T) -> None:
        digest = self._digest(token)
        if self._holders.get(digest) is holder:
            del self._holders[digest]

    def find(self, data: bytes) -> T | None:
        """Whose peer sent this as a stateless reset; None if nobody's did."""
        if not self._holders or len(data) < MIN_RESET:
            return None
        return self._holders.get(self._digest(data[-TOKEN_LENGTH:]))

    def _digest(self, token: bytes) -> bytes:
        return blake2s(token, key=self._secret, digest_size=16).digest()
