"""What the callers of one connection were denied, told to the journal: so many, and of the rest how many there were.

A peer that asks a thousand times a second for what it may not have shall not fill the journal with that.
"""

import time

from node.core import current
from node.core.access import Decision
from node.core.address import format_host_port
from node.core.identity import AuthContext, Identity
from node.core.journal import Event, EventKind, Journal, Json
from node.core.rate import Allowance

AT_ONCE = 20
PER_SECOND = 0.5
"""Denials of one connection that are told one by one: so many at once, and so many a second in the long run."""

MESSAGE = 512
"""Characters of what a caller was told that are kept: ids of resources in it are chosen by the caller."""


class Denials:
    """Of one connection. Whoever makes it calls `close` at the connection's end."""

    def __init__(self, journal: Journal, auth: AuthContext) -> None:
        self._journal = journal
        self._auth = auth
        self._allowance = Allowance(PER_SECOND, AT_ONCE)
        self._untold = 0

    def tell(self, operation: str, caller: Identity | None, decision: Decision) -> None:
        """One denial. `caller` may be another than the connection's peer: the holder of a token."""
        if not self._allowance.take(time.monotonic()):
            self._untold += 1
            return
        self.close()
        message = decision.message[:MESSAGE]
        detail: dict[str, Json] = {
            "operation": operation,
            "message": message,
            "explanation": decision.explanation,
        }
        if caller is not None and (self._auth.identity is None or caller.id != self._auth.identity.id):
            detail["caller"] = caller.id
        self._record(EventKind.DENIED, message, detail)

    def close(self) -> None:
        """Tell how many were not told, if there are any."""
        if self._untold:
            count, self._untold = self._untold, 0
            self._record(EventKind.LIMITED, "denials left out", {"limit": "denials", "count": count})

    def _record(self, kind: EventKind, reason: str, detail: dict[str, Json]) -> None:
        auth = self._auth
        self._journal.record(
            Event(
                kind,
                current.connection.get(),
                None if auth.identity is None else auth.identity.id,
                auth.tls_client_fingerprint,
                auth.alpn.decode(errors="replace"),
                None if auth.remote_addr is None else format_host_port(auth.remote_addr),
                reason,
                detail,
            )
        )
