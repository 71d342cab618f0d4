"""How often codes may be wrong: for each address, and for all of them together."""

from collections import OrderedDict
from collections.abc import Callable

from node.core.address import origin_of
from node.core.identity import Address
from node.core.live import Live
from node.core.rate import Allowance
from node.handlers.register.limits import EnrolmentLimits

MAX_ADDRESSES = 4096
"""Addresses that are remembered. The one that was heard of longest ago is forgotten first."""
_MINUTE = 60.0


class Guesses:
    """Counts wrong codes. `now` is in seconds of a clock that never goes back."""

    def __init__(self, limits: Live[EnrolmentLimits], clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._all = Allowance(0.0)
        self._claims = Allowance(0.0)
        self._by_origin: OrderedDict[str, Allowance] = OrderedDict()

    def may_ask(self, address: Address | None) -> bool:
        """Whether a code from there is looked at at all."""
        now = self._clock()
        _set(self._all, self._limits.value.failures_per_minute)
        own = self._by_origin.get(_origin(address))
        return self._all.has(now) and (own is None or own.has(now))

    def failed(self, address: Address | None) -> None:
        """A code from there was none."""
        now, origin = self._clock(), _origin(address)
        self._all.charge(now)
        own = self._by_origin.setdefault(origin, Allowance(0.0))
        _set(own, self._limits.value.failures_per_address)
        own.charge(now)
        self._by_origin.move_to_end(origin)
        while len(self._by_origin) > MAX_ADDRESSES:
            self._by_origin.popitem(last=False)

    def may_claim(self) -> bool:
        """Use one of the claims that may be written down."""
        _set(self._claims, self._limits.value.claims_per_minute)
        return self._claims.take(self._clock())


def _set(allowance: Allowance, per_minute: int) -> None:
    allowance.per_second, allowance.at_once = per_minute / _MINUTE, float(per_minute)


def _origin(address: Address | None) -> str:
    return "" if address is None else origin_of(address[0])
