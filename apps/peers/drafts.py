"""From what people type to a PeerEntry: forgiving in, exact out (decision 6).

A draft is a map of JSON types: peer_id, keys (any spelling of each), scopes, resources, display_name, enabled and
auth_token_hash. It is `PeerEntry` but for `keys`, which become fingerprints.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from node.core.fingerprint import KeyFormatError, parse_key
from node.core.peers import MAX_FINGERPRINTS, InvalidPeer, PeerEntry, peer_entry

Draft = Mapping[str, Any]

_PEM_BLOCK = re.compile(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)


def draft_of(entry: PeerEntry) -> dict[str, Any]:
    """The draft that gives `entry` again."""
    return {
        "peer_id": entry.peer_id,
        "keys": list(entry.fingerprints),
        "auth_token_hash": entry.auth_token_hash,
        "scopes": entry.scopes,
        "resources": dict(entry.resources),
        "display_name": entry.display_name,
        "enabled": entry.enabled,
    }


def entry_from(draft: Draft) -> PeerEntry:
    """The entry that a draft describes. Raises InvalidPeer with the draft's own field names."""
    errors: dict[str, list[str]] = {}
    values = dict(draft)
    values["fingerprints"] = _or_errors(errors, "keys", values.pop("keys", None))
    values["scopes"] = without_repeats(values.get("scopes"))
    values["display_name"] = _blank_to_none(values.get("display_name"))
    try:
        entry = peer_entry(values)
    except InvalidPeer as error:
        errors |= {("keys" if name == "fingerprints" else name): texts for name, texts in error.errors.items()}
    if errors:
        raise InvalidPeer(errors)
    return entry


def split_keys(text: str) -> list[str]:
    """The keys in a text of many: whole PEM blocks, and else one on a line. Empty lines and # comments are skipped."""
    keys: list[str] = []
    end = 0
    for block in _PEM_BLOCK.finditer(text):
        keys += [*_lines(text[end : block.start()]), block[0]]
        end = block.end()
    return keys + _lines(text[end:])


def split_scopes(text: str) -> list[str]:
    """The scopes in a text: one on a line, or with commas between. A space inside of one is for the check to refuse."""
    parts = (part.strip() for line in text.splitlines() for part in line.split(","))
    return [part for part in parts if part]


def parse_resources(text: str) -> Any:
    """What the JSON text of a map of resources says; an empty text is an empty map. Raises ValueError in a sentence."""
    try:
        return json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"Not valid JSON: {error.msg} ({place}).") from None
    except ValueError:
        raise ValueError("Not valid JSON: a number with too many digits.") from None
    except RecursionError:
        raise ValueError("Nested too deep.") from None


def without_repeats(value: Any) -> Any:
    """A list of texts with each at its first place; anything else as it is, for the check to refuse."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return value
    return list(dict.fromkeys(value))


def _or_errors(errors: dict[str, list[str]], name: str, keys: Any) -> Any:
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) for key in keys):
        return keys
    if len(keys) > MAX_FINGERPRINTS:
        errors[name] = [f"At most {MAX_FINGERPRINTS} keys; this has {len(keys)}."]
        return []
    fingerprints, texts = _parse(keys)
    if texts:
        errors[name] = texts
    return fingerprints


def _parse(keys: Iterable[str]) -> tuple[list[str], list[str]]:
    fingerprints, errors = [], []
    for number, key in enumerate(keys, start=1):
        try:
            fingerprints.append(parse_key(key))
        except KeyFormatError as error:
            errors.append(f"Key {number}: {error}.")
    return list(dict.fromkeys(fingerprints)), errors


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _blank_to_none(value: Any) -> Any:
    return (value.strip() or None) if isinstance(value, str) else value
