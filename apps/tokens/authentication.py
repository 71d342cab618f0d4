"""Who shows a token, and what they may. A refusal tells the log why, and the client nothing but that it is refused."""

import hmac
from dataclasses import dataclass
from enum import StrEnum

from django.views.decorators.debug import sensitive_variables

from apps.accounts.rights import Right, granted
from apps.accounts.selectors import find_user, rights_of
from apps.audit.actors import Actor, ActorKind
from apps.tokens import selectors
from apps.tokens.models import ApiToken
from apps.tokens.selectors import TokenFacts
from apps.tokens.texts import digest, id_of


class Refusal(StrEnum):
    """Why a token is not taken."""

    MALFORMED = "it is none"
    UNKNOWN = "there is none of that id"
    WRONG = "its secret is another"
    EXPIRED = "it has expired"
    NETWORK = "it may not be used from there"
    OWNER = "its owner may not sign in"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A token that is good, with the rights that it has at this moment."""

    token: TokenFacts
    rights: frozenset[Right]

    @property
    def actor(self) -> Actor:
        return token_actor(self.token)


def token_actor(token: TokenFacts) -> Actor:
    """How the audit log calls a token: its name, and the id since names come again."""
    return Actor(ActorKind.TOKEN, f"{token.name}/{token.id}")


@sensitive_variables()
def authenticate(text: str, address: str) -> Authenticated | Refusal:
    """Look the token up; `address` is the client's IP address. One query, and two where it has an owner."""
    token_id = id_of(text)
    if token_id is None:
        return Refusal.MALFORMED
    row = ApiToken.objects.filter(pk=token_id).first()
    if row is None:
        return Refusal.UNKNOWN
    if not hmac.compare_digest(row.digest, digest(text)):
        return Refusal.WRONG
    return _judged(selectors.facts(row), address)


def _judged(token: TokenFacts, address: str) -> Authenticated | Refusal:
    if token.expired():
        return Refusal.EXPIRED
    if not token.allows(address):
        return Refusal.NETWORK
    rights = granted(token.rights)
    if token.owner:
        owner = find_user(token.owner)
        if owner is None or not owner.is_active:
            return Refusal.OWNER
        rights &= rights_of(owner)
    return Authenticated(token, rights)
