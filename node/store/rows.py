"""Rows of the tables that the node reads as entries (spec core §13).

A row may hold anything: SQLite checks no types, and not everybody writes through the panel. Texts are read as bytes,
since honker would give a text that is not UTF-8 as an empty one.
"""

from typing import Any, TypeVar

import msgspec

from node.core.credentials import (
    IV_BYTES,
    MAX_DATA,
    MAX_SALT,
    EncryptedData,
    InvalidCredential,
    check_provider,
    encrypted_data,
)
from node.core.enrolment.index import ClaimState, Invite, Outcome
from node.core.errors import InvalidFields
from node.core.fingerprint import is_fingerprint
from node.core.forwarding.rules import InvalidRule, Placed, build_rule
from node.core.grants import Grant, InvalidGrant
from node.core.locks import InvalidLock, Lock, LockKind, check_message, check_target
from node.core.peers import (
    ApiKeyEntry,
    InvalidPeer,
    PeerEntry,
    api_key_entry,
    check_end,
    check_resources,
    check_scopes,
    peer_entry,
)
from node.core.terms import WHOLE_PEER, InvalidTerm, Term
from node.core.tokens import is_token_hash
from node.honker_file import Row

Entry = TypeVar("Entry", PeerEntry, ApiKeyEntry, EncryptedData, Lock, Term, Grant, Invite, Outcome, Placed)


class InvalidEnrolment(InvalidFields):
    """A row of an invitation or a claim is damaged."""


def text(column: str) -> str:
    """SQL for a column that must hold a text: its bytes, or NULL where it holds something else."""
    return f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) END"


def _blob(column: str, most: int) -> str:
    """SQL for a column that must hold at most so many bytes; NULL where it holds something else, or more."""
    return f"CASE WHEN typeof({column}) = 'blob' AND length({column}) <= {most} THEN {column} END"


PEER_COLUMNS = f"""
    {text("p.peer_id")} AS peer_id, {text("p.fingerprints")} AS fingerprints,
    CAST(p.auth_token_hash AS BLOB) AS auth_token_hash, {text("p.scopes")} AS scopes,
    {text("p.resources")} AS resources, CAST(p.display_name AS BLOB) AS display_name, p.enabled AS enabled"""
"""Columns of `peers AS p`. The two that may be NULL are cast whatever they hold: NULL must stay apart from junk."""

KEY_COLUMNS = f"""
    {text("k.prefix")} AS prefix, CAST(k.hash AS BLOB) AS hash, {text("k.scopes")} AS key_scopes,
    CAST(k.description AS BLOB) AS description, k.expires_at AS expires_at"""
"""Columns of `api_keys AS k`; `key_scopes` keeps its name apart from a peer's in a join of both."""

CREDENTIAL_COLUMNS = f"""
    {text("c.provider")} AS provider, c.key_version AS key_version, {_blob("c.salt", MAX_SALT)} AS salt,
    {_blob("c.iv", IV_BYTES)} AS iv, {_blob("c.data", MAX_DATA)} AS data"""
"""Columns of `credentials AS c`."""

LOCK_COLUMNS = f"""
    {text("l.id")} AS lock_id, {text("l.target_kind")} AS target_kind, {text("l.target")} AS target,
    {text("l.message")} AS message,
    CASE WHEN typeof(l.expires_at) IN ('real', 'integer') THEN l.expires_at END AS lock_end"""
"""Columns of `locks AS l`. An end that is no number is none: such a lock holds until somebody lifts it."""

TERM_COLUMNS = f"""
    {text("t.id")} AS term_id, {text("t.peer_id")} AS term_peer, {text("t.fingerprint")} AS term_key,
    CASE WHEN typeof(t.expires_at) IN ('real', 'integer') THEN t.expires_at END AS term_end"""
"""Columns of `peer_terms AS t`."""

GRANT_COLUMNS = f"""
    {text("g.id")} AS grant_id, {text("g.peer_id")} AS grant_peer, {text("g.scopes")} AS grant_scopes,
    {text("g.resource_type")} AS grant_kind, {text("g.resource")} AS grant_resource,
    CASE WHEN typeof(g.expires_at) IN ('real', 'integer') THEN g.expires_at END AS grant_end"""
"""Columns of `access_grants AS g`."""

INVITE_COLUMNS = f"""
    {text("i.id")} AS invite_id, {text("i.code_hash")} AS code_hash, i.uses_left AS uses_left,
    i.expires_at AS invite_end"""
"""Columns of `invites AS i`."""

CLAIM_COLUMNS = f"""
    {text("o.id")} AS claim_id, {text("o.state")} AS claim_state, {text("o.peer_id")} AS claim_peer,
    o.number AS claim_number"""
"""Columns of `claims AS o`."""

RULE_COLUMNS = f"""
    {text("f.id")} AS rule_id, CASE typeof(f.position) WHEN 'integer' THEN f.position END AS rule_place,
    {text("f.action")} AS rule_action, {text("f.target")} AS rule_target, {text("f.principals")} AS rule_principals,
    {text("f.transports")} AS rule_transports, {text("f.directions")} AS rule_directions"""
"""Columns of `forwarding_rules AS f`."""


def read_peer(row: Row) -> PeerEntry:
    """Raises InvalidPeer naming every wrong field."""
    return peer_entry(
        {
            "peer_id": _text(row, "peer_id"),
            "fingerprints": _json(row, "fingerprints"),
            "auth_token_hash": _text(row, "auth_token_hash"),
            "scopes": _json(row, "scopes"),
            "resources": _json(row, "resources"),
            "display_name": _text(row, "display_name"),
            "enabled": row["enabled"],
        }
    )


def read_api_key(row: Row) -> ApiKeyEntry:
    """Raises InvalidPeer naming every wrong field."""
    return api_key_entry(
        {
            "prefix": _text(row, "prefix"),
            "hash": _text(row, "hash"),
            "scopes": _json(row, "key_scopes"),
            "description": _text(row, "description"),
            "expires_at": row["expires_at"],
        }
    )


def read_credential(row: Row) -> EncryptedData:
    """Raises InvalidCredential naming every wrong field."""
    provider: bytes | None = row["provider"]
    if wrong := check_provider(provider and provider.decode(errors="surrogateescape")):
        raise InvalidCredential({"provider": wrong})
    return encrypted_data(row["key_version"], row["salt"], row["iv"], row["data"])


def read_lock(row: Row) -> Lock:
    """Raises InvalidLock where it cannot be told what is locked.

    A lock whose message or end is damaged holds all the same, without the one or the other (docs/adr/0036).
    """
    kind, target = _decoded(row["target_kind"]), _decoded(row["target"])
    if kind not in frozenset(LockKind):
        raise InvalidLock({"target_kind": ["This node knows no such kind of lock."]})
    kind, target = LockKind(kind), "" if kind == LockKind.EVERYTHING else target
    if wrong := check_target(kind, target):
        raise InvalidLock({"target": wrong})
    message = _decoded(row["message"])
    end = row["lock_end"]
    return Lock(
        row["lock_id"].decode(),
        kind,
        target or "",
        "" if message is None or check_message(message) else message,
        None if end is None else float(end),
    )


def read_term(row: Row) -> Term:
    """Raises InvalidTerm where it cannot be told whom it is about.

    A term whose end is damaged is over (docs/adr/0042).
    """
    peer_id, fingerprint, end = _decoded(row["term_peer"]), _decoded(row["term_key"]), row["term_end"]
    if peer_id is None or fingerprint is None or not (fingerprint == WHOLE_PEER or is_fingerprint(fingerprint)):
        raise InvalidTerm({"peer_terms": ["This names no peer, or no key."]})
    return Term(row["term_id"].decode(), peer_id, fingerprint, 0.0 if end is None else float(end))


def read_grant(row: Row) -> Grant:
    """Raises InvalidGrant: a damaged grant gives nothing, and one without an end would never be over."""
    peer_id, kind, name = (_decoded(row[column]) for column in ("grant_peer", "grant_kind", "grant_resource"))
    scopes, end = _json(row, "grant_scopes"), row["grant_end"]
    if peer_id is None or kind is None or name is None or end is None or check_end(end):
        raise InvalidGrant({"access_grants": ["This names no peer, no right, or no end."]})
    if wrong := [*check_scopes(scopes), *(check_resources({kind: [name]}) if kind or name else [])]:
        raise InvalidGrant({"access_grants": wrong})
    return Grant(row["grant_id"].decode(), peer_id, tuple(scopes), kind, name, float(end))


def read_invite(row: Row) -> Invite:
    """Raises InvalidEnrolment: a damaged invitation lets nobody in."""
    code_hash, uses, end = _decoded(row["code_hash"]), row["uses_left"], row["invite_end"]
    if code_hash is None or not is_token_hash(code_hash) or not isinstance(uses, int) or not isinstance(end, float):
        raise InvalidEnrolment({"invites": ["This is no invitation."]})
    return Invite(row["invite_id"].decode(), code_hash, uses, end)


def read_outcome(row: Row) -> Outcome:
    """Raises InvalidEnrolment."""
    state, peer_id = _decoded(row["claim_state"]), _decoded(row["claim_peer"])
    number = row["claim_number"]
    if state not in frozenset(ClaimState) or peer_id is None or not isinstance(number, int):
        raise InvalidEnrolment({"claims": ["This is no outcome of a claim."]})
    return Outcome(row["claim_id"].decode(), ClaimState(state), peer_id, number)


def read_rule(row: Row) -> Placed:
    """Raises InvalidRule, and InvalidPeer for what is not JSON. What stands in its place then the reader knows."""
    place = row["rule_place"]
    rule = build_rule(
        target=_decoded(row["rule_target"]),
        action=_decoded(row["rule_action"]),
        principals=_json(row, "rule_principals"),
        transports=_json(row, "rule_transports"),
        directions=_json(row, "rule_directions"),
        rule_id=row["rule_id"].decode(),
    )
    if place is None:
        raise InvalidRule({"position": ["This is no number."]})
    return Placed(place, rule)


def _decoded(raw: bytes | None) -> str | None:
    """None for what is not UTF-8 as well."""
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None


def _text(row: Row, column: str) -> str | None:
    raw: bytes | None = row[column]
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        raise InvalidPeer({column: ["This is not UTF-8."]}) from None


def _json(row: Row, column: str) -> Any:
    """The value of a JSON column. NULL is not an empty list: nothing writes it, so it is damage."""
    raw: bytes | None = row[column]
    try:
        value = None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if value is None:
        raise InvalidPeer({column: ["This is not JSON."]})
    return value
