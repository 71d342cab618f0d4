"""Peers and API keys out of a TOML file (spec core §8, AuthPolicy), checked as a whole before anything uses them.

[[peers]]
peer_id = "ann"
fingerprints = ["ed25519:…"]
scopes = ["call:echo"]

[[api_keys]]
prefix = "alk_1a2b"
hash = "sha256:…"
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.core.peers import ApiKeyEntry, InvalidPeer, PeerEntry, api_key_entry, peer_entry

MAX_PEERS_FILE = 64 * 1024 * 1024
"""Longest file of peers that is read, in bytes."""

_SECTIONS = frozenset({"peers", "api_keys"})
_KEY_FIELDS = frozenset({"prefix", "hash", "scopes", "description", "expires_at"})


class PolicyError(ValueError):
    """A file of peers cannot be used; the message says what is wrong and where. Nothing of it has taken effect."""


@dataclass(frozen=True, slots=True)
class AuthPolicy:
    """Who may connect: valid entries, without two of one name and without a credential that two peers hold."""

    peers: tuple[PeerEntry, ...] = ()
    api_keys: tuple[ApiKeyEntry, ...] = ()

    def __post_init__(self) -> None:
        _refuse_repeats("peer_id", (peer.peer_id for peer in self.peers))
        _refuse_repeats("api key prefix", (key.prefix for key in self.api_keys))
        _refuse_repeats("fingerprint", (name for peer in self.peers for name in peer.fingerprints))
        if _repeated(peer.auth_token_hash for peer in self.peers if peer.auth_token_hash is not None):
            raise PolicyError("duplicate auth_token_hash")


def load_peers_file(path: Path) -> AuthPolicy:
    """The policy in this file. Raises PolicyError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PEERS_FILE + 1)
        if len(content) > MAX_PEERS_FILE:
            raise PolicyError(f"longer than {MAX_PEERS_FILE} bytes")
        return parse_policy(tomllib.loads(content.decode()))
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"{path}: not TOML: {error}") from None
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from None


def parse_policy(values: Mapping[str, Any]) -> AuthPolicy:
    """The policy in plain values, such as a configuration file's. Raises PolicyError on the first wrong entry."""
    unknown = sorted(values.keys() - _SECTIONS)
    if unknown:
        raise PolicyError(f"unknown key {unknown[0]!r}")
    return AuthPolicy(tuple(_peers(values.get("peers"))), tuple(_api_keys(values.get("api_keys"))))


def _peers(section: Any) -> Iterator[PeerEntry]:
    for number, table in _tables("peers", section):
        try:
            yield peer_entry(table)
        except InvalidPeer as error:
            raise PolicyError(f"{_place('peers', number, table.get('peer_id'))}: {error}") from None


def _api_keys(section: Any) -> Iterator[ApiKeyEntry]:
    for number, table in _tables("api_keys", section):
        place = _place("api_keys", number, table.get("prefix"))
        unknown = sorted(table.keys() - _KEY_FIELDS)
        if unknown:
            raise PolicyError(f"{place}: unknown field {unknown[0]!r}")
        try:
            yield api_key_entry(table)
        except InvalidPeer as error:
            raise PolicyError(f"{place}: {error}") from None


def _tables(name: str, section: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The tables of one section, counted from 1."""
    if section is None:
        return
    if not isinstance(section, list) or not all(isinstance(table, dict) for table in section):
        raise PolicyError(f"{name} is a list of tables: write [[{name}]]")
    yield from enumerate(section, start=1)


def _place(section: str, number: int, name: Any) -> str:
    return f"{section} {number} ({name!r})" if isinstance(name, str) and len(name) <= 255 else f"{section} {number}"


def _refuse_repeats(what: str, names: Iterable[str]) -> None:
    repeated = _repeated(names)
    if repeated is not None:
        raise PolicyError(f"duplicate {what}: {repeated}")


def _repeated(names: Iterable[str]) -> str | None:
    """The first name that was there before."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
