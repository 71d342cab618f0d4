"""Retry tokens: what a client brings back to prove that it receives what is sent to its address (RFC 9000 §8.1).

A token holds when it was made and the client's first destination, and a code over these, over the client's address and
over the connection id that we chose. Nothing in it is secret, so nothing is encrypted, and no state is kept.
"""

import hmac
import os
import socket
from hashlib import blake2b
from typing import Any

LIFETIME = 30.0
"""Seconds: a client comes back at once, so a token need not be good for longer (RFC 9000 §8.1.4)."""

_CODE = 16
_TIME = 8
_SHORTEST = _TIME + 8 + _CODE
_LONGEST = _TIME + 20 + _CODE


class RetryTokens:
    """Makes tokens and reads them again; each process has a key of its own. `now` is a clock that never goes back."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        # The clock may be the machine's uptime, which is nobody's business.
        self._epoch = int.from_bytes(os.urandom(5), "big")

    def make(self, address: tuple[Any, ...], original: bytes, chosen: bytes, now: float) -> bytes:
        """For a client at `address` that asked for the connection id `original` and is sent to `chosen`."""
        body = (self._epoch + int(now * 1000)).to_bytes(_TIME, "big") + original
        return body + self._code(body, address, chosen)

    def read(self, token: bytes, address: tuple[Any, ...], chosen: bytes, now: float) -> bytes | None:
        """The connection id that the client first asked for. None if the token is not ours, too old, or another's."""
        if not _SHORTEST <= len(token) <= _LONGEST:
            return None
        body = token[:-_CODE]
        if not hmac.compare_digest(token[-_CODE:], self._code(body, address, chosen)):
            return None
        age = self._epoch + int(now * 1000) - int.from_bytes(body[:_TIME], "big")
        return body[_TIME:] if age <= LIFETIME * 1000 else None

    def _code(self, body: bytes, address: tuple[Any, ...], chosen: bytes) -> bytes:
        """The parts have lengths in front, or end with the message, so none can be taken for another."""
        host, port = address[0], address[1]
        packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
        message = bytes((len(packed), len(chosen))) + packed + port.to_bytes(2, "big") + chosen + body
        return blake2b(message, key=self._key, digest_size=_CODE).digest()
