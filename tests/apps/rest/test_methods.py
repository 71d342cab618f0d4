"""What a path takes: HEAD is GET without its body, OPTIONS tells of all, and what is not in it is refused with it.

The responses are those that the server gets: Django's own client would take a body away by itself.
"""

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from apps.rest.middleware import ApiMiddleware
from node.core.peers import PeerEntry
from tests.apps.rest.test_schema import operations
from tests.support.rest import BASE, token_with
from tests.support.vault_node import VaultNode

Ask = Callable[[str, str], HttpResponse]
PATHS: dict[str, set[str]] = defaultdict(set)
for method, path, _ in operations():
    PATHS[re.sub(r"{\w+}", "nothing", path)].add(method.upper())
READ = [path for path, methods in PATHS.items() if "GET" in methods]
VARIES = ("X-Request-ID", "Content-Length")
"""What is of the one request, or of the moment of it."""


def allowed(methods: set[str]) -> str:
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


@pytest.fixture
def ask(db: None) -> Ask:
    handler, token = WSGIHandler(), token_with()

    def ask(method: str, path: str) -> HttpResponse:
        request = RequestFactory().generic(method, path, headers={"Authorization": f"Bearer {token}"})
        return handler.get_response(request)  # type: ignore[return-value]

    return ask


def test_whatever_is_read_is_asked_for_its_head(ask: Ask, node: VaultNode, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("nothing")
    found = set()
    for path in [*READ, f"{BASE}/no/such", f"{BASE}/peers?no=such"]:
        whole, head = ask("GET", path), ask("HEAD", path)
        found.add(head.status_code)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        told, asked = ({n: v for n, v in answer.items() if n not in VARIES} for answer in (whole, head))
        assert (asked, "Content-Length" in head) == (told, "Content-Length" in whole), path
    assert found == {200, 404, 422}


def test_a_head_tells_the_tag_and_the_length(ask: Ask, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("nothing")
    whole, head = (ask(method, f"{BASE}/peers/nothing") for method in ("GET", "HEAD"))
    assert (head["ETag"], head["Content-Length"]) == (whole["ETag"], str(len(whole.content)))


def test_every_path_tells_what_it_takes(ask: Ask) -> None:
    for path, methods in PATHS.items():
        told = ask("OPTIONS", path)
        assert (told.status_code, told["Allow"], told.content) == (204, allowed(methods), b""), path
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - methods:
            if method == "HEAD" and "GET" in methods:
                continue
            refused = ask(method, path)
            assert (refused.status_code, refused["Allow"]) == (405, allowed(methods)), (method, path)
            assert method == "HEAD" or json.loads(refused.content)["status"] == 405
    assert ask("OPTIONS", f"{BASE}/no/such").status_code == 404


def test_what_an_answer_holds_is_closed_with_its_head() -> None:
    held = io.BytesIO(b"never read")
    head = ApiMiddleware(lambda _: StreamingHttpResponse(held))(RequestFactory().head(f"{BASE}/audit/export"))
    assert not held.closed
    head.close()
    assert (held.closed, head.getvalue()) == (True, b"")  # type: ignore[attr-defined] # a HttpResponse
