"""Ids of requests: random UUIDs (RFC 9562 §5.4), as the spec has them (spec call §9).

The system is asked for the random bytes of many ids at once: to ask for each is a good part of what an id costs.
"""

import os
from typing import Final

_SIZE: Final = 16
_AT_ONCE: Final = 256
_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


class RequestIds:
    """Gives one fresh id after the other."""

    def __init__(self) -> None:
        self._random = ""
        self._at = 0

    def fresh(self) -> str:
        if self._at >= len(self._random):
            self._random, self._at = os.urandom(_SIZE * _AT_ONCE).hex(), 0
        digits = self._random[self._at : self._at + 2 * _SIZE]
        self._at += 2 * _SIZE
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"

    def forget(self) -> None:
        """Two processes must not give the same: call this in the child of a fork."""
        self._at = len(self._random)


_ids = RequestIds()
os.register_at_fork(after_in_child=_ids.forget)
fresh_id = _ids.fresh
"""An id that no other request has."""
