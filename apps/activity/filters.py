"""Which events a list shows."""

from dataclasses import dataclass
from datetime import datetime

from apps.activity.models import Event


@dataclass(frozen=True, slots=True)
class EventFilters:
    """Every field narrows; an empty one does not. `kinds`: any of these. Times: `since` <= at < `until`.

    `connection` is a number in a life of the node, `boot`; without a boot it is that of any life.
    """

    kinds: tuple[str, ...] = ()
    peer_id: str = ""
    alpn: str = ""
    connection: int | None = None
    boot: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, event: Event) -> bool:
        """Whether this one event is among them: the same rule, for events as they come."""
        return (
            (not self.kinds or event.kind in self.kinds)
            and self.peer_id in ("", event.peer_id)
            and self.alpn in ("", event.alpn)
            and self.connection in (None, event.connection)
            and self.boot in ("", event.boot)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )
