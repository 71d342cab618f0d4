"""What a panel shows of now, brought about by the importer's own services: events, connections, presence."""

from collections.abc import Iterable

from apps.activity import services
from apps.activity.models import Event
from tests.support.journal_records import Record, Story

BOOT = "a" * 16


def imported(records: Iterable[Record]) -> list[Event]:
    return services.import_batch("journal", list(records), oldest=1)


def busy(story: Story, connections: int, peers: Iterable[str]) -> list[Record]:
    """So many connections that stay open, of these peers in turn, among other events."""
    names = list(peers)
    records = [story.tell("started", detail={"pid": 7})]
    for number in range(1, connections + 1):
        peer = names[number % len(names)]
        records += [
            story.connected(number, peer),
            story.tell(
                "refused", fingerprint="ed25519:" + "ab" * 32, alpn="h3", reason="no handler", detail={"rule": "x"}
            ),
            story.tell("enforced", peer_id=peer, detail={"milliseconds": 2.5, "closed": 1, "change": f"peer: {peer}"}),
        ]
    return records
