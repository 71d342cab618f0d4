"""The tables whose committed changes other processes hear of, and on which channel."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """A table with a single-column primary key."""

    name: str
    primary_key: str
    channel: str


WATCHED_TABLES = (
    WatchedTable("peers", "peer_id", "peers_changed"),
    WatchedTable("api_keys", "prefix", "api_keys_changed"),
)
