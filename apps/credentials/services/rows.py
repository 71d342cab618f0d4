"""Writes of the table `credentials`: sealed blobs in, sealed blobs out."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.audit.words import who_words
from apps.credentials import selectors
from apps.credentials.models import Credential
from node.core.credentials import EncryptedData, InvalidCredential, check_provider, encrypted_data

OBJECT_TYPE = "credential"


class CredentialAction(StrEnum):
    """What the audit log says was done."""

    ADDED = "credential.added"
    REPLACED = "credential.replaced"
    ROTATED = "credential.rotated"
    REMOVED = "credential.removed"


def put_credential(*, actor: Actor, provider: str, blob: EncryptedData) -> None:
    """Store a sealed content for the provider, in place of any it had. Put twice, it is replaced twice."""
    refuse_wrong_provider(provider)
    columns = _columns(encrypted_data(blob.key_version, blob.salt, blob.iv, blob.data))
    with transaction.atomic():
        old = selectors.find_key_version(provider)
        who = {"changed_at": timezone.now(), "changed_by": who_words(actor.kind, actor.name)}
        Credential.objects.update_or_create(pk=provider, defaults=columns | who)
        action = CredentialAction.ADDED if old is None else CredentialAction.REPLACED
        record(actor=actor, changes=[_change(action, provider, old, blob.key_version)])


def swap_credential(*, actor: Actor, provider: str, old: EncryptedData, new: EncryptedData) -> bool:
    """Store the same content sealed anew, unless the row is not the one that was read (spec vault §12).

    False where it was replaced or removed meanwhile: then nothing is written, and what the other wrote stays.
    """
    with transaction.atomic():
        same = Credential.objects.filter(pk=provider, iv=old.iv, key_version=old.key_version)
        if not same.update(**_columns(new)):
            return False
        record(actor=actor, changes=[_change(CredentialAction.ROTATED, provider, old.key_version, new.key_version)])
        return True


def remove_credentials(*, actor: Actor, providers: Iterable[str]) -> int:
    """Remove all of these or, if one is absent, none. Returns how many went."""
    with transaction.atomic():
        gone = selectors.get_credentials(providers)
        for facts in gone:
            Credential.objects.filter(pk=facts.provider).delete()
        changes = [_change(CredentialAction.REMOVED, facts.provider, facts.key_version, None) for facts in gone]
        record(actor=actor, changes=changes)
        return len(gone)


def delete_credential(*, actor: Actor, provider: str) -> None:
    """Remove it if it is there (spec core §9: deleting what is not there succeeds)."""
    with transaction.atomic():
        if Credential.objects.filter(pk=provider).exists():
            remove_credentials(actor=actor, providers=[provider])


def refuse_wrong_provider(provider: Any) -> None:
    """Raises InvalidCredential."""
    if texts := check_provider(provider):
        raise InvalidCredential({"provider": texts})


def _columns(blob: EncryptedData) -> dict[str, Any]:
    return {"key_version": blob.key_version, "salt": blob.salt, "iv": blob.iv, "data": blob.data}


def _change(action: CredentialAction, provider: str, old: int | None, new: int | None) -> Change:
    """Of a content the log keeps under which version of the key it is sealed, and nothing else."""
    before, after = ({"key_version": version} if version is not None else None for version in (old, new))
    return Change(action, OBJECT_TYPE, provider, before, after)
