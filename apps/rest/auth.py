"""Who calls, and whether they may: a bearer token, or the session of the panel, which takes Django's CSRF token.

A request that shows an Authorization header is judged by it alone: a browser's session never stands in for a token
that is not taken.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from apps.accounts.rights import Right
from apps.accounts.selectors import rights_of, role_of
from apps.accounts.sign_in.proof import is_recent
from apps.audit.actors import Actor, user_actor
from apps.rest.problems import Refused
from apps.tokens.authentication import Authenticated, authenticate
from apps.tokens.last_used import LAST_USED
from apps.tokens.texts import id_of
from apps.tokens.throttle import FAILED

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="alknet"'}
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes the request. `key` is the same for the same token or user, and for nobody else."""

    actor: Actor
    rights: frozenset[Right]
    username: str
    """The user who calls, or who owns the token; empty for a token that stands by itself."""
    key: str


def requires(right: Right) -> list[Callable[[HttpRequest], Any]]:
    """What a route gives as its `auth`: those who have this right may call it, by either door."""
    return [Token(right), Session(right)]


def caller_of(request: HttpRequest) -> Caller:
    """The caller of a request that a route answers."""
    caller: Caller = request.auth  # type: ignore[attr-defined] # set by ninja
    return caller


def client_address(request: HttpRequest) -> str:
    """The IP address that the request came from."""
    return str(request.META.get("REMOTE_ADDR", ""))


class Token(AuthBase):
    """Authorization: Bearer alkr_…"""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, right: Right) -> None:
        self.right = right
        super().__init__()

    @sensitive_variables()
    def __call__(self, request: HttpRequest) -> Caller | None:
        shown = request.headers.get("Authorization")
        if shown is None:
            return None
        scheme, _, text = shown.partition(" ")
        address = client_address(request)
        found = authenticate(text.strip() if scheme.lower() == "bearer" else "", address)
        if not isinstance(found, Authenticated):
            _refuse(found, text.strip(), address)
        LAST_USED.note(found.token.id, address)
        return _allowed(Caller(found.actor, found.rights, found.token.owner, f"token:{found.token.id}"), self.right)


class Session(AuthBase):
    """The cookie of a person who is signed in to the panel."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = "alknet_session"

    def __init__(self, right: Right) -> None:
        self.right = right
        super().__init__()

    def __call__(self, request: HttpRequest) -> Caller | None:
        user = request.user
        if role_of(user) is None:
            raise Refused(401, "Show a token: Authorization: Bearer alkr_…", headers=CHALLENGE)
        if request.method not in SAFE and check_csrf(request) is not None:
            raise Refused(403, "A session of the panel needs the header X-CSRFToken for this.")
        if request.method not in SAFE and not is_recent(request):
            raise Refused(403, "A session of the panel takes a fresh proof for this: sign in again, or use a token.")
        return _allowed(Caller(user_actor(user), rights_of(user), user.get_username(), f"user:{user.pk}"), self.right)


def _allowed(caller: Caller, right: Right) -> Caller:
    if right not in caller.rights:
        raise Refused(403, f"This takes the right {right}.")
    return caller


@sensitive_variables()
def _refuse(reason: object, text: str, address: str) -> NoReturn:
    """One text whatever the reason; the log has it, with the public id and never the secret."""
    wait = FAILED.fail(address)
    if wait:
        headers = {"Retry-After": str(wait)}
        raise Refused(429, "Too many tokens from this address were not taken. Try again later.", headers=headers)
    logger.warning("a token was not taken: %s", reason, extra={"token": id_of(text) or "none", "address": address})
    raise Refused(401, "The token is not taken.", headers=CHALLENGE)
