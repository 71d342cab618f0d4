"""Changing API tokens. Every door leads here: REST, the panel, the command line.

Each function is one transaction that holds the change and its audit rows. Raises InvalidToken and Absent.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.selectors import find_user
from apps.audit.actors import Actor
from apps.audit.services import Change, record
from apps.audit.words import who_words
from apps.tokens import selectors
from apps.tokens.checks import check_expiry, check_name, check_networks, check_rights, network_text
from apps.tokens.errors import InvalidToken
from apps.tokens.models import ApiToken
from apps.tokens.selectors import TokenFacts
from apps.tokens.texts import digest, new_text

OBJECT_TYPE = "token"
MAX_TOKENS = 10_000


class TokenAction(StrEnum):
    """What the audit log says was done."""

    CREATED = "token.created"
    REVOKED = "token.revoked"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made. `text` is seen here and never again: only its digest is stored."""

    facts: TokenFacts
    text: str = field(repr=False)


def create_token(
    *,
    actor: Actor,
    name: str,
    rights: Collection[str],
    owner: str = "",
    expires_at: int | None = None,
    networks: Sequence[str] = (),
) -> NewToken:
    """Make a token. Whose rights are bounded themselves asks apps.tokens.bounds first. `expires_at`: unix seconds."""
    with transaction.atomic():
        columns = plan_token(name=name, rights=rights, owner=owner, expires_at=expires_at, networks=networks)
        token_id, text = new_text()
        who = {"created_at": timezone.now(), "created_by": who_words(actor.kind, actor.name)}
        row = ApiToken.objects.create(id=token_id, digest=digest(text), **columns, **who)
        made = selectors.facts(row)
        record(actor=actor, changes=[Change(TokenAction.CREATED, OBJECT_TYPE, token_id, after=_facts(made))])
        return NewToken(made, text)


def revoke_tokens(*, actor: Actor, ids: Iterable[str]) -> int:
    """Remove all of these tokens or, if one is absent, none. Returns how many went."""
    with transaction.atomic():
        gone = selectors.get_tokens(ids)
        for token in gone:
            ApiToken.objects.filter(pk=token.id).delete()
        changes = [Change(TokenAction.REVOKED, OBJECT_TYPE, token.id, before=_facts(token)) for token in gone]
        record(actor=actor, changes=changes)
        return len(gone)


def plan_token(
    *, name: str, rights: Collection[str], owner: str, expires_at: int | None, networks: Sequence[str]
) -> dict[str, Any]:
    """The columns that `create_token` would store. For forms, which show what is wrong before anything is written."""
    errors = {
        "name": check_name(name) or _check_room(),
        "rights": check_rights(rights),
        "owner": _check_owner(owner),
        "expires_at": check_expiry(expires_at),
        "networks": check_networks(networks),
    }
    if wrong := {key: texts for key, texts in errors.items() if texts}:
        raise InvalidToken(wrong)
    return {
        "name": name,
        "rights": sorted({str(right) for right in rights}),
        "owner": owner,
        "expires_at": expires_at,
        "networks": list(dict.fromkeys(network_text(network) for network in networks)),
    }


def _check_owner(owner: Any) -> list[str]:
    if owner == "" or (isinstance(owner, str) and find_user(owner) is not None):
        return []
    return ["There is no such user."]


def _check_room() -> list[str]:
    return ["There are too many tokens already."] if ApiToken.objects.count() >= MAX_TOKENS else []


def _facts(token: TokenFacts) -> dict[str, Any]:
    return {
        "name": token.name,
        "rights": list(token.rights),
        "owner": token.owner,
        "expires_at": token.expires_at,
        "networks": list(token.networks),
    }
