"""Which events a list shows."""

import json
import string
from dataclasses import dataclass
from datetime import datetime

from apps.activity.models import Event


@dataclass(frozen=True, slots=True)
class EventFilters:
    """Every field narrows; an empty one does not. `kinds`: any of these. Times: `since` <= at < `until`.

    `connection` is a number in a life of the node, `boot`; without a boot it is that of any life. `text` is part of a
    text of the event, whichever; small letters and capitals of ASCII are the same.
    """

    kinds: tuple[str, ...] = ()
    peer_id: str = ""
    alpn: str = ""
    connection: int | None = None
    boot: str = ""
    text: str = ""
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
            and (not self.text or self._says(event))
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )

    def _says(self, event: Event) -> bool:
        wanted = _folded(self.text)
        detail = json.dumps(event.detail) if event.detail else ""
        texts = (event.reason, event.peer_id, event.alpn, event.address, event.fingerprint, detail)
        return any(wanted in _folded(text) for text in texts if text)


def _folded(text: str) -> str:
    """As LIKE of SQLite compares: ASCII without its capitals, and the rest as it is."""
    return text.translate(_SMALL)


_SMALL = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
