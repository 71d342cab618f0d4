"""Reading rows that may be damaged: a bad one is dropped alone, loudly, and costs no other its place.

A forwarding rule leaves one behind that refuses everything."""

import logging
from collections.abc import Callable

from node.core.credentials import EncryptedData, InvalidCredential
from node.core.enrolment.index import Invite, Outcome
from node.core.forwarding.rules import InvalidRule, Placed, refusing
from node.core.grants import Grant, InvalidGrant
from node.core.locks import InvalidLock, Lock
from node.core.peers import ApiKeyEntry, InvalidPeer, PeerEntry
from node.core.terms import InvalidTerm, Term
from node.honker_file import Row
from node.store.rows import (
    Entry,
    InvalidEnrolment,
    read_api_key,
    read_credential,
    read_grant,
    read_invite,
    read_lock,
    read_outcome,
    read_peer,
    read_rule,
    read_term,
)

_KNOWN = (
    InvalidPeer,
    InvalidCredential,
    InvalidLock,
    InvalidTerm,
    InvalidGrant,
    InvalidEnrolment,
    InvalidRule,
)

logger = logging.getLogger(__name__)


class RowReader:
    """Turns rows into entries. `bad_rows` counts the ones that were dropped since the start."""

    def __init__(self) -> None:
        self.bad_rows = 0

    def peer(self, row: Row) -> PeerEntry | None:
        """The entry, or None for a row that cannot be read."""
        return self._read(row, read_peer, "peers", row["peer_id"])

    def api_key(self, row: Row) -> ApiKeyEntry | None:
        """The entry, or None for a row that cannot be read."""
        return self._read(row, read_api_key, "api_keys", row["prefix"])

    def credential(self, row: Row) -> EncryptedData | None:
        """The sealed credential, or None for a row that cannot be read."""
        return self._read(row, read_credential, "credentials", row["provider"])

    def lock(self, row: Row) -> Lock | None:
        """The lock, or None for a row of which nobody can tell what it locks."""
        return self._read(row, read_lock, "locks", row["lock_id"])

    def term(self, row: Row) -> Term | None:
        """The end of a peer or a key, or None for a row of which nobody can tell whose it is."""
        return self._read(row, read_term, "peer_terms", row["term_id"])

    def grant(self, row: Row) -> Grant | None:
        """The grant, or None for a row that cannot be read."""
        return self._read(row, read_grant, "access_grants", row["grant_id"])

    def invite(self, row: Row) -> Invite | None:
        """The invitation, or None for a row that cannot be read."""
        return self._read(row, read_invite, "invites", row["invite_id"])

    def outcome(self, row: Row) -> Outcome | None:
        """What became of a claim, or None for a row that cannot be read."""
        return self._read(row, read_outcome, "claims", row["claim_id"])

    def rule(self, row: Row) -> Placed:
        """The forwarding rule; for a row that cannot be read, one in its place that refuses everything."""
        found = self._read(row, read_rule, "forwarding_rules", row["rule_id"])
        return found or refusing((row["rule_id"] or b"").decode(errors="replace"), row["rule_place"])

    def _read(self, row: Row, read: Callable[[Row], Entry], table: str, key: bytes | None) -> Entry | None:
        try:
            return read(row)
        except _KNOWN as error:
            self._drop(table, key, str(error))
        except Exception as error:  # noqa: BLE001 - one row must never keep the others, and their revocation, waiting
            self._drop(table, key, type(error).__name__)
        return None

    def _drop(self, table: str, key: bytes | None, error: str) -> None:
        self.bad_rows += 1
        name = None if key is None else key[:64].decode(errors="replace")
        logger.error("row dropped: it cannot be read", extra={"table": table, "row": name, "error": error})
