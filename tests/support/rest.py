"""A caller of the REST API who shows a token, over Django's test client."""

import json
from collections.abc import Collection
from typing import Any

from django.http import HttpResponse
from django.test import Client

from apps.accounts.rights import Right
from apps.rest.problems import MEDIA_TYPE
from apps.tokens import services
from tests.support.panel import ALICE

BASE = "/api/v1"


def token_with(*rights: str, **fields: Any) -> str:
    """The text of a fresh token with these rights; without any, with all."""
    wanted: Collection[str] = rights or list(Right)
    return services.create_token(actor=ALICE, name="tests", rights=wanted, **fields).text


class Caller:
    """Sends requests with one token; `path` is below /api/v1."""

    def __init__(self, token: str | None) -> None:
        self._client = Client()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """`headers` by their names with _ for -; `body` as it is where it is bytes, else as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = named.pop("Content-Type", "application/json")
        return self._client.generic(  # type: ignore[return-value] # a response of the test client
            method, BASE + path, data, content_type=kind, headers=self._headers | named
        )

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)


def problem_of(response: HttpResponse, status: int) -> dict[str, Any]:
    """The problem document of a refusal with this status."""
    assert (response.status_code, response["Content-Type"]) == (status, MEDIA_TYPE), response.content
    document: dict[str, Any] = json.loads(response.content)
    assert document["status"] == status
    assert document["request_id"] == response["X-Request-ID"]
    assert document["title"]
    assert document["detail"]
    return document
