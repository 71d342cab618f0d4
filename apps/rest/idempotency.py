"""A request that is sent twice is done once: the header Idempotency-Key, for routes that make something new each time.

The answer is kept in the transaction of the change: either both are there, or neither. It may hold a secret that is
told once (a token, an API key), so it is sealed under a key that comes of the caller's own Idempotency-Key and of a
file beside the database: the database alone tells nothing.
"""

import functools
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from apps.rest.answers import Answer
from apps.rest.auth import caller_of
from apps.rest.models import KeptAnswer
from apps.rest.problems import Refused
from apps.tokens.texts import file_key

HEADER = "Idempotency-Key"
KEPT_S = 24 * 3600.0
MAX_PER_CALLER = 1_000
"""Answers that are kept of one caller; the oldest give way."""
MAX_ANSWER = 64 * 1024
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_TOLD = ("ETag", "Location")
Route = TypeVar("Route", bound=Callable[..., Answer])


def idempotent(route: Route) -> Route:
    """The route, done once for each key of a caller. It runs inside a transaction, and answers with an Answer."""

    @functools.wraps(route)
    def once(request: HttpRequest, *args: Any, **values: Any) -> Answer:
        key = request.headers.get(HEADER)
        if key is None:
            return route(request, *args, **values)
        if not _KEY.fullmatch(key):
            raise Refused(400, f"{HEADER} is 1 to 255 printable characters of ASCII, without a space.")
        with transaction.atomic():
            return _once(request, key, lambda: route(request, *args, **values))

    text = "A name of yours for this request: sent again with it, it is done once and answered alike. Kept for a day."
    once.request_headers = getattr(route, "request_headers", {}) | {HEADER: text}  # type: ignore[attr-defined]
    return cast("Route", once)


@sensitive_variables()
def _once(request: HttpRequest, key: str, do: Callable[[], Answer]) -> Answer:
    caller = caller_of(request).key
    name, sealing = _derived("name", caller, key).hex(), _derived("seal", caller, key)
    asked = _request_digest(request)
    KeptAnswer.objects.filter(kept_at__lt=time.time() - KEPT_S).delete()
    kept = KeptAnswer.objects.filter(pk=name).first()
    if kept is not None:
        if not hmac.compare_digest(kept.request_digest, asked):
            raise Refused(422, f"This {HEADER} was sent with another request.", errors={HEADER: ["Choose another."]})
        return _opened(bytes(kept.sealed), sealing)
    answer = do()
    _make_room(caller)
    KeptAnswer.objects.create(
        key_digest=name, caller=caller, request_digest=asked, sealed=_sealed(answer, sealing), kept_at=time.time()
    )
    return answer


def _make_room(caller: str) -> None:
    mine = KeptAnswer.objects.filter(caller=caller).order_by("-kept_at")
    too_many = list(mine.values_list("pk", flat=True)[MAX_PER_CALLER - 1 :])
    KeptAnswer.objects.filter(pk__in=too_many).delete()


def _sealed(answer: Answer, key: bytes) -> bytes:
    if len(answer.content) > MAX_ANSWER:
        raise ValueError("a route that answers so much is not for keeping")
    told = {name: answer.headers[name] for name in _TOLD if name in answer.headers}
    plain = json.dumps({"status": answer.status_code, "headers": told, "content": answer.content.decode()}).encode()
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, None)


def _opened(sealed: bytes, key: bytes) -> Answer:
    try:
        plain = json.loads(AESGCM(key).decrypt(sealed[:12], sealed[12:], None))
    except InvalidTag:
        raise Refused(409, "The answer that was kept cannot be read any more: choose another key.") from None
    answer = Answer(status=plain["status"], headers=plain["headers"] | {"Idempotency-Replayed": "true"})
    answer.content = plain["content"].encode()
    if plain["content"]:
        answer.headers["Content-Type"] = "application/json"
    return answer


def _request_digest(request: HttpRequest) -> str:
    parts = (request.method or "", request.get_full_path(), hashlib.sha256(request.body).hexdigest())
    return _derived("request", *parts).hex()


def _derived(purpose: str, *parts: str) -> bytes:
    """32 bytes of a purpose and some texts, which nobody makes without the file."""
    return hmac.new(file_key(), "\x00".join(("rest", purpose, *parts)).encode(), hashlib.sha256).digest()
