"""Peers and API keys as JSON, for programs. Never a secret, nor the hash of one."""

from dataclasses import asdict
from typing import Any

from apps.peers.terms import PeerState
from node.core.fingerprint import spellings
from node.core.peers import ApiKeyEntry


def peer_json(state: PeerState) -> dict[str, Any]:
    """Ends are in unix seconds, null where there is none; those of keys go by fingerprint."""
    entry = state.entry
    return {
        "peer_id": entry.peer_id,
        "fingerprints": list(entry.fingerprints),
        "keys": [asdict(spellings(name)) for name in entry.fingerprints],
        "scopes": list(entry.scopes),
        "resources": {kind: list(names) for kind, names in entry.resources.items()},
        "display_name": entry.display_name,
        "enabled": entry.enabled,
        "has_token": entry.auth_token_hash is not None,
        "expires_at": state.terms.expires_at,
        "key_expires_at": dict(state.terms.kept_to(entry.fingerprints).key_expires_at),
        "notes": state.terms.notes,
    }


def api_key_json(entry: ApiKeyEntry) -> dict[str, Any]:
    return {
        "prefix": entry.prefix,
        "description": entry.description,
        "scopes": list(entry.scopes),
        "expires_at": entry.expires_at,
    }
