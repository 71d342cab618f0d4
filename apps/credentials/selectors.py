"""Reading credentials: what they are called, and their sealed blobs. Nothing here could open one."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, QuerySet

from apps.absent import all_of
from apps.credentials.errors import Absent
from apps.credentials.models import Credential
from node.core.credentials import EncryptedData, InvalidCredential

FIRST_KEY_VERSION = 2
"""Version 1 is of a time before this format, and is never sealed with (spec vault §10)."""


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """What people and programs see of a credential."""

    provider: str
    key_version: int
    changed_at: datetime
    """When its content was last set."""
    changed_by: str


def list_credentials() -> list[CredentialFacts]:
    """All of them, by provider."""
    return [_facts(row) for row in _without_blobs()]


def page_of_credentials(*, after: str | None = None, limit: int) -> list[CredentialFacts]:
    """A part of the same list: those whose providers come after `after`."""
    rows = _without_blobs().order_by("pk")
    rows = rows if after is None else rows.filter(pk__gt=after)
    return [_facts(row) for row in rows[:limit]]


def get_credentials(providers: Iterable[str]) -> list[CredentialFacts]:
    """All of these, in the order given. Raises Absent if one is."""
    return [_facts(row) for row in all_of(providers, _without_blobs().in_bulk, Absent).values()]


def find_blob(provider: str) -> EncryptedData | None:
    """Raises InvalidCredential where a row is there and is no sealed blob."""
    row = Credential.objects.filter(pk=provider).first()
    return row.blob() if row else None


def blobs() -> dict[str, EncryptedData]:
    """Every sealed blob by its provider; a row that holds none is left out."""
    found = {}
    for row in Credential.objects.all():
        with contextlib.suppress(InvalidCredential):
            found[row.provider] = row.blob()
    return found


def key_version_for_new() -> int:
    """Under which version a new content is sealed: the newest in use (spec vault §10 leaves it to us)."""
    return max(newest_key_version() or 0, FIRST_KEY_VERSION)


def newest_key_version() -> int | None:
    """None where there is no credential."""
    newest: int | None = Credential.objects.aggregate(newest=Max("key_version"))["newest"]
    return newest


def find_key_version(provider: str) -> int | None:
    return Credential.objects.filter(pk=provider).values_list("key_version", flat=True).first()


def key_versions() -> dict[str, int]:
    """{provider: key version} of all, by provider."""
    return dict(Credential.objects.order_by("pk").values_list("pk", "key_version"))


def _without_blobs() -> QuerySet[Credential]:
    return Credential.objects.defer("salt", "iv", "data")


def _facts(row: Credential) -> CredentialFacts:
    return CredentialFacts(row.provider, row.key_version, row.changed_at, row.changed_by)
