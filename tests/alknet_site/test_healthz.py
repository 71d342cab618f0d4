"""The health check for supervisors touches nothing: not the database, nor sessions, nor anything of Django."""

import asyncio
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db.backends.base.base import BaseDatabaseWrapper

from alknet_site import asgi
from alknet_site.web_numbers import NUMBERS


def asked(path: str, *headers: tuple[bytes, bytes]) -> list[Any]:
    """What the application sends for a request."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nothing of the request is read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "method": "GET", "headers": list(headers), "query_string": b""}
    asyncio.run(asgi.application(scope, receive, send))
    return sent


def test_nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: Any, **__: Any) -> None:
        raise AssertionError("it was")

    monkeypatch.setattr(BaseDatabaseWrapper, "connect", touched)
    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", touched)
    monkeypatch.setattr(ASGIHandler, "__call__", touched)
    before = NUMBERS.requests.copy()
    start, body = asked("/healthz", (b"cookie", b"sessionid=x"), (b"host", b"nobody.example"))
    assert (start["status"], body["body"]) == (200, b"ok\n")
    assert not {name for name, _ in start["headers"]} & {b"set-cookie", b"x-request-id"}
    assert NUMBERS.requests == before
    with pytest.raises(AssertionError, match="it was"):
        asked("/readyz")
