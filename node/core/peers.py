"""Peers and API keys as plain data, and the rules that every writer and reader of them shares (spec core §8).

The panel, the command line, the configuration file and the node's loader all validate here, so that what one of them
accepts, the others can read.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from node.core.errors import InvalidFields
from node.core.fingerprint import is_fingerprint
from node.core.identity import Identity
from node.core.tokens import is_api_key_prefix, is_token_hash

MAX_NAME = 255
MAX_DISPLAY_NAME = 255
MAX_FINGERPRINTS = 64
MAX_SCOPES = 1_000
MAX_SCOPE_LENGTH = 255
MAX_RESOURCE_KINDS = 256
MAX_RESOURCES_PER_KIND = 10_000
MAX_RESOURCE_LENGTH = 255
MAX_EXPIRY = 253_402_300_799
"""The last second of the year 9999 (UTC), after which no calendar goes on."""

CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What no name has in it: control characters, line separators and halves of a surrogate pair; what turns the direction
of the text after it (UAX #9), so that it reads as another; and what is not seen, so that two names look alike. The
joiners that some scripts and emoji need are not among them."""
NO_CONTROL = "no control characters, none that are invisible or turn the text around, and no space at its ends"
"""How a refusal says so."""
_PATHS = (".", "..")
_BLANK = re.compile(r"\s")


class InvalidPeer(InvalidFields):
    """One or more fields of a peer or an API key are wrong."""


@dataclass(frozen=True, slots=True)
class PeerEntry:
    """One peer: a stable name with keys, scopes and resources. Immutable; equal by value."""

    peer_id: str
    fingerprints: tuple[str, ...] = ()
    auth_token_hash: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    display_name: str | None = None
    enabled: bool = True

    def identity(self) -> Identity:
        return Identity(self.peer_id, self.scopes, self.resources)


@dataclass(frozen=True, slots=True)
class ApiKeyEntry:
    """A token that is an identity of its own, named by its public prefix. `expires_at` is in unix seconds."""

    prefix: str
    hash: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    description: str = ""
    expires_at: int | None = None

    def identity(self) -> Identity:
        return Identity(self.prefix, self.scopes)


def peer_entry(values: Mapping[str, Any]) -> PeerEntry:
    """A PeerEntry out of untrusted plain values (JSON types). Raises InvalidPeer naming every wrong field."""
    values = {"enabled": True, **values}
    errors = {name: texts for name, check in _PEER_CHECKS.items() if (texts := check(values.get(name)))}
    unknown = values.keys() - _PEER_CHECKS.keys()
    if unknown:
        errors["peer"] = [f"unknown field {name!r}" for name in sorted(unknown)]
    if errors:
        raise InvalidPeer(errors)
    return PeerEntry(
        peer_id=values["peer_id"],
        fingerprints=tuple(values.get("fingerprints") or ()),
        auth_token_hash=values.get("auth_token_hash"),
        scopes=tuple(values.get("scopes") or ()),
        resources={kind: tuple(names) for kind, names in (values.get("resources") or {}).items()},
        display_name=values.get("display_name"),
        enabled=bool(values["enabled"]),
    )


def api_key_entry(values: Mapping[str, Any]) -> ApiKeyEntry:
    """An ApiKeyEntry out of untrusted plain values. Raises InvalidPeer naming every wrong field."""
    errors = {name: texts for name, check in _API_KEY_CHECKS.items() if (texts := check(values.get(name)))}
    if errors:
        raise InvalidPeer(errors)
    return ApiKeyEntry(
        prefix=values["prefix"],
        hash=values["hash"],
        scopes=tuple(values.get("scopes") or ()),
        description=values.get("description") or "",
        expires_at=values.get("expires_at"),
    )


def check_peer_id(value: Any) -> list[str]:
    """Messages on what is wrong with a peer's name; empty if nothing is."""
    if not isinstance(value, str) or not value:
        return ["A peer needs a name."]
    if len(value) > MAX_NAME:
        return [f"A name has at most {MAX_NAME} characters."]
    if CONTROL.search(value) or value != value.strip():
        return [f"A name has {NO_CONTROL}."]
    return [] if value not in _PATHS else ["A name is not one or two dots: an address would lead elsewhere."]


def check_fingerprints(value: Any) -> list[str]:
    items, errors = _string_list(value, MAX_FINGERPRINTS, "keys")
    bad = [item for item in items if not is_fingerprint(item)]
    if bad:
        errors.append("A key is ed25519: or SHA256: and 64 lower-case hex digits.")
    return errors


def check_scopes(value: Any) -> list[str]:
    """Messages on what is wrong with a list of scopes. A comma stands between scopes wherever people type them."""
    items, errors = _string_list(value, MAX_SCOPES, "scopes")
    if any(not item or "," in item or _BLANK.search(item) or CONTROL.search(item) for item in items):
        errors.append("A scope has no spaces or commas and is not empty.")
    if any(len(item) > MAX_SCOPE_LENGTH for item in items):
        errors.append(f"A scope has at most {MAX_SCOPE_LENGTH} characters.")
    return errors


def check_resources(value: Any) -> list[str]:
    """Messages on what is wrong with a map from a kind of resource to names."""
    if value is None:
        return []
    if not isinstance(value, Mapping):
        return ['Resources are a map of lists, such as {"repo": ["web", "docs"]}.']
    if len(value) > MAX_RESOURCE_KINDS:
        return [f"At most {MAX_RESOURCE_KINDS} kinds of resource."]
    for kind, names in value.items():
        if not _is_resource(kind):
            return [f"A kind of resource is a text of 1 to {MAX_RESOURCE_LENGTH} characters."]
        if not isinstance(names, list | tuple) or not all(_is_resource(name) for name in names):
            return [f"The resources of kind “{kind}” are a list of texts of 1 to {MAX_RESOURCE_LENGTH} characters."]
        if len(names) > MAX_RESOURCES_PER_KIND:
            return [f"At most {MAX_RESOURCES_PER_KIND} resources of kind “{kind}”."]
    return []


def check_display_name(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, str) or CONTROL.search(value):
        return ["A display name is one line of text."]
    return [] if len(value) <= MAX_DISPLAY_NAME else [f"At most {MAX_DISPLAY_NAME} characters."]


def check_end(value: Any) -> list[str]:
    """Messages on what is wrong with the moment at which something ends; None is no end."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or (number and math.isfinite(value) and 0 <= value <= MAX_EXPIRY):
        return []
    return ["An end is in unix seconds, at the latest in the year 9999."]


def _check_token_hash(value: Any) -> list[str]:
    if value is None or (isinstance(value, str) and is_token_hash(value)):
        return []
    return ["A token's hash is sha256: and 64 lower-case hex digits."]


def _check_enabled(value: Any) -> list[str]:
    return [] if value in (0, 1) else ["Enabled is true or false."]


def _check_prefix(value: Any) -> list[str]:
    return [] if isinstance(value, str) and is_api_key_prefix(value) else ["An API key's prefix is alk_ and 4 more."]


def _check_hash(value: Any) -> list[str]:
    return ["An API key needs its hash."] if value is None else _check_token_hash(value)


def _check_expiry(value: Any) -> list[str]:
    ok = value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_EXPIRY)
    return [] if ok else ["An expiry is a whole number of unix seconds, at the latest in the year 9999."]


def _string_list(value: Any, most: int, noun: str) -> tuple[list[str], list[str]]:
    """The strings of a list, and messages on its shape (not a list, not strings, too many, repeated)."""
    if value is None:
        return [], []
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return [], [f"The {noun} are a list of texts."]
    if len(value) > most:
        return [], [f"At most {most} {noun}; this has {len(value)}."]
    return list(value), [] if len(set(value)) == len(value) else [f"The {noun} repeat themselves."]


def _is_resource(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_RESOURCE_LENGTH and not CONTROL.search(value)


_PEER_CHECKS = {
    "peer_id": check_peer_id,
    "fingerprints": check_fingerprints,
    "auth_token_hash": _check_token_hash,
    "scopes": check_scopes,
    "resources": check_resources,
    "display_name": check_display_name,
    "enabled": _check_enabled,
}
_API_KEY_CHECKS = {
    "prefix": _check_prefix,
    "hash": _check_hash,
    "scopes": check_scopes,
    "description": check_display_name,
    "expires_at": _check_expiry,
}
