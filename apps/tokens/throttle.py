"""How often an address may show a token that is not taken. In the memory of the process, and bounded.

A token that is good is served whatever was tried from its address before: a secret has 256 bits, so no guess comes
near one, and one program with an old token must not shut out all others behind the same proxy.
"""

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from node.core.address import origin_of

FAILURES = 10
"""Failures at once that an address has."""
REFILL_S = 6.0
"""Seconds after which one more is granted."""
MAX_ADDRESSES = 4096
MAX_ADDRESS = 64
"""Longest text of an address that is told from others, in characters."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class FailedTokens:
    """A bucket of failures for each address."""

    def __init__(self, failures: int = FAILURES, refill_s: float = REFILL_S) -> None:
        self._failures, self._refill_s = failures, refill_s
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def fail(self, address: str, now: float | None = None) -> int:
        """Count a failure. 0 where it is answered as such, else the seconds after which another try will be."""
        now = time.monotonic() if now is None else now
        with self._lock:
            bucket = self._bucket(origin_of(address[:MAX_ADDRESS]), now)
            if bucket.left >= 1:
                bucket.left -= 1
                return 0
            return max(1, math.ceil((1 - bucket.left) * self._refill_s))

    def forget(self) -> None:
        with self._lock:
            self._buckets.clear()

    def _bucket(self, place: str, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(place, _Bucket(self._failures, now))
        self._buckets.move_to_end(place)
        while len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        bucket.left = min(self._failures, bucket.left + max(0.0, now - bucket.at) / self._refill_s)
        bucket.at = now
        return bucket


FAILED = FailedTokens()
"""Those of this process."""
