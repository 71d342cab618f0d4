"""Writes of the table `api_keys`. A key is made and removed, never changed: another key is another identity."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import transaction

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.peers import selectors
from apps.peers.drafts import without_repeats
from apps.peers.models import ApiKey
from apps.peers.services.batches import batches
from node.core.peers import ApiKeyEntry, api_key_entry
from node.core.tokens import api_key_prefix, hash_token, new_api_key

OBJECT_TYPE = "api_key"
_TRIES = 64
"""Prefixes have 16 bits, so that a new one may be taken; with half of them taken, all tries fail once in 2**64."""


class ApiKeyAction(StrEnum):
    """What the audit log says was done."""

    ADDED = "api_key.added"
    REMOVED = "api_key.removed"


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made. `secret` is seen here and never again: only its hash is stored."""

    entry: ApiKeyEntry
    secret: str = field(repr=False)


def create_api_key(
    *, actor: Actor, description: str, scopes: Sequence[str], expires_at: int | None = None
) -> NewApiKey:
    """Make a key. `expires_at` is in unix seconds; None never expires."""
    with transaction.atomic():
        new = plan_api_key(description=description, scopes=scopes, expires_at=expires_at)
        ApiKey.objects.create(**_columns(new.entry))
        change = Change(ApiKeyAction.ADDED, OBJECT_TYPE, new.entry.prefix, after=_facts(new.entry))
        record(actor=actor, changes=[change])
        return new


def remove_api_keys(*, actor: Actor, prefixes: Iterable[str]) -> int:
    """Remove all of these keys or, if one is absent, none. Returns how many went."""
    with transaction.atomic():
        gone = selectors.get_api_keys(prefixes)
        for batch in batches([entry.prefix for entry in gone]):
            ApiKey.objects.filter(pk__in=batch).delete()
        changes = [Change(ApiKeyAction.REMOVED, OBJECT_TYPE, entry.prefix, before=_facts(entry)) for entry in gone]
        record(actor=actor, changes=changes)
        return len(gone)


def plan_api_key(*, description: str, scopes: Sequence[str], expires_at: int | None) -> NewApiKey:
    """A valid key with a free prefix, not stored. Raises InvalidPeer."""
    secret = _free_secret()
    values = {
        "prefix": api_key_prefix(secret),
        "hash": hash_token(secret),
        "description": description,
        "scopes": without_repeats(scopes),
        "expires_at": expires_at,
    }
    return NewApiKey(api_key_entry(values), secret)


def _free_secret() -> str:
    for _ in range(_TRIES):
        secret = new_api_key()
        if not ApiKey.objects.filter(pk=api_key_prefix(secret)).exists():
            return secret
    raise RuntimeError("no free prefix for another API key: remove some that are not used")


def _columns(entry: ApiKeyEntry) -> dict[str, Any]:
    return {
        "prefix": entry.prefix,
        "hash": entry.hash,
        "scopes": list(entry.scopes),
        "description": entry.description,
        "expires_at": entry.expires_at,
    }


def _facts(entry: ApiKeyEntry) -> dict[str, Any]:
    facts = _columns(entry)
    facts["hash"] = "set"
    return facts
