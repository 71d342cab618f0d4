"""Stateless reset: telling a peer at once that its connection is forgotten, as after a restart (RFC 9000 §10.3)."""

import hmac
import os

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.quic.keys import NodeKey

TOKEN_LENGTH = 16
MIN_RESET = 21
"""Shortest datagram that can be a reset (RFC 9000 §10.3)."""
_LENGTH = 43
"""Length of ours, where the datagram that it answers is longer: like a small packet of a live connection."""


class ResetTokens:
    """One token for each connection id. They follow from the node's key, so a restarted node still knows them."""

    def __init__(self, key: NodeKey) -> None:
        seed = key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self._secret = HKDF(SHA256(), 32, salt=None, info=b"alknet stateless reset").derive(seed)

    def token(self, connection_id: bytes) -> bytes:
        return hmac.digest(self._secret, connection_id, "sha256")[:TOKEN_LENGTH]

    def answer(self, connection_id: bytes, length: int) -> bytes | None:
        """The reset for a datagram of `length` bytes; shorter than that, so that two nodes cannot answer for ever."""
        size = min(length - 1, _LENGTH)
        if size < MIN_RESET:
            return None
        noise = os.urandom(size - TOKEN_LENGTH)
        return bytes([0x40 | noise[0] & 0x3F]) + noise[1:] + self.token(connection_id)


def is_reset(data: bytes, token: bytes) -> bool:
    """Whether a datagram that belongs to no connection ends in this token of the peer's."""
    if len(data) < MIN_RESET or len(token) != TOKEN_LENGTH:
        return False
    return hmac.compare_digest(data[-TOKEN_LENGTH:], token)
