"""The tables whose committed changes other processes hear of, and on which channel."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """A table with a single-column primary key. `unique` names its other columns that no two rows may share."""

    name: str
    primary_key: str
    channel: str
    unique: tuple[str, ...] = ()


WATCHED_TABLES = (
    WatchedTable("peers", "peer_id", "peers_changed", unique=("auth_token_hash",)),
    WatchedTable("api_keys", "prefix", "api_keys_changed", unique=("hash",)),
    WatchedTable("credentials", "provider", "credentials_changed"),
    WatchedTable("peer_terms", "id", "peer_terms_changed"),
    WatchedTable("locks", "id", "locks_changed"),
    WatchedTable("access_grants", "id", "access_grants_changed"),
    WatchedTable("invites", "id", "invites_changed", unique=("code_hash",)),
    WatchedTable("claims", "id", "claims_changed"),
    WatchedTable("forwarding_rules", "id", "forwarding_rules_changed"),
)
