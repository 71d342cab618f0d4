"""Every refusal below /api/ is a problem document, whoever refuses."""

import pytest
from django.test import Client

from tests.support.rest import BASE, Caller, problem_of

BODIES = {
    b"{": 400,
    b"": 422,
    b"[]": 422,
    b"\xff": 400,
    b'{"enabled": true, "enabled": false}': 400,
    b'{"enabled": NaN}': 400,
    b'{"enabled": 1e999}': 400,
    b'{"display_name": "\\ud800"}': 400,
    b"1" * 5000: 400,
    b"[" * 100_000: 400,
    b'{"resources": ' + b'{"a":' * 20 + b"1" + b"}" * 21: 400,
    b'{"display_name": "' + b"x" * 2_200_000 + b'"}': 413,
}


@pytest.mark.parametrize(("body", "status"), BODIES.items(), ids=range(len(BODIES)))
def test_a_body_that_is_none(api: Caller, body: bytes, status: int) -> None:
    problem_of(api.call("PUT", "/peers/x", body), status)


def test_a_body_of_another_kind(api: Caller) -> None:
    problem_of(api.call("PUT", "/peers/x", b"a=b", Content_Type="application/x-www-form-urlencoded"), 415)
    problem_of(api.call("PUT", "/peers/x", b"{}", Content_Type="text/plain"), 415)


@pytest.mark.parametrize("path", ["/nothing", "/", "", "/peers/", "/peers/a/b/c", "/peers/%ff"])
def test_no_such_path(api: Caller, path: str) -> None:
    problem_of(api.get(path), 404)


def test_no_such_version(db: None) -> None:
    problem_of(Client().get("/api/"), 404)  # type: ignore[arg-type]
    problem_of(Client().get("/api"), 404)  # type: ignore[arg-type]
    problem_of(Client().get("/api/v2/peers"), 404)  # type: ignore[arg-type]


def test_no_such_method(api: Caller) -> None:
    refused = api.call("DELETE", "/peers")
    problem_of(refused, 405)
    assert refused["Allow"] == "GET, HEAD, OPTIONS"


def test_a_host_that_is_not_ours(db: None) -> None:
    problem_of(Client().get(f"{BASE}/peers", headers={"Host": "evil.example"}), 400)  # type: ignore[arg-type]


def test_a_failure_of_ours(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("apps.peers.selectors.page_of_peers", fail)
    api._client.raise_request_exception = False
    assert "secret" not in str(problem_of(api.get("/peers"), 500))
