"""The REST client's ends: whom it trusts, what it repeats, and what it makes of answers that are none."""

import contextlib
import datetime
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from node.client.rest import Address, RestClient, Transport, Trust, parse_address, transport
from node.client.rest.errors import (
    Busy,
    Invalid,
    NotTheApi,
    RestError,
    Unreachable,
    Untrusted,
    WrongAddress,
    WrongToken,
)
from node.core.capabilities import Secret
from tests.support.certificates import certificate

TOKEN = "alkr_id_secret"
PROBLEM = "application/problem+json"
PAGE = b'{"items": [], "next": null}'
Answer = tuple[int, str, bytes, dict[str, str]]


class Server(HTTPServer):
    """Answers requests with what is in `answers`, the last of them for ever; keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def handle_error(self, *_: Any) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server.asked.append((self.command, self.path, dict(self.headers)))
        status, kind, body, headers = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - as http.server calls them

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def served(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server() as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.answers = [(200, "application/json", PAGE, {})]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def client_of(server: Server, trust: Trust | None = None, *, tls: bool = False) -> Iterator[RestClient]:
    sending = Transport(Address("127.0.0.1", server.server_address[1], is_tls=tls), Secret(TOKEN), trust, timeout=5)
    yield RestClient(sending)
    sending.close()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport.time, "sleep", lambda _: None)


def test_a_server_is_known_by_its_certificate_before_it_sees_the_token(tmp_path: Path) -> None:
    key = generate_private_key(SECP256R1())
    shown = certificate(key, end=datetime.timedelta(days=1))
    file = tmp_path / "server.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(shown.public_bytes(Encoding.PEM) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    pin = f"SHA256:{shown.fingerprint(hashes.SHA256()).hex()}"
    with served(context) as server:
        for trust in (Trust(), Trust(pin="SHA256:" + "0" * 64), Trust(ca_file=tmp_path / "none")):
            with client_of(server, trust, tls=True) as client, pytest.raises(Untrusted):
                list(client.peers())
        assert server.asked == []
        with client_of(server, Trust(pin=pin), tls=True) as client:
            assert list(client.peers()) == []
    assert server.asked[0][2]["Authorization"] == f"Bearer {TOKEN}"


def test_what_can_be_repeated_is_and_nothing_else() -> None:
    busy = (503, PROBLEM, b'{"detail": "busy"}', {"Retry-After": "1"})
    with served() as server, client_of(server) as client:
        server.answers = [busy, busy, (200, "application/json", PAGE, {})]
        assert list(client.peers()) == []
        server.answers = [busy]
        for ask, tries in (
            (lambda: client.peer("a"), 3),
            (lambda: client.add_api_key({}), 3),
            (lambda: client.change_peer("a", {}), 1),
            (lambda: client.remove_peer("a"), 1),
        ):
            server.asked.clear()
            with pytest.raises(Busy) as refused:
                ask()
            assert refused.value.retry_after == 1
            assert len(server.asked) == tries
            assert len({headers.get("Idempotency-Key") for _, _, headers in server.asked}) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((422, PROBLEM, json.dumps({"detail": "no", "errors": {"a": ["b"], "c": 1}}).encode(), {}), Invalid),
        ((422, PROBLEM, b"[[", {}), Invalid),
        ((302, "text/html", b"", {"Location": "http://127.0.0.1:1/"}), NotTheApi),
        ((404, "text/html", b"<html>", {}), NotTheApi),
        ((200, "text/html", b"<html>", {}), NotTheApi),
        ((200, "application/json", b'{"peer_id": 1}', {}), NotTheApi),
        ((200, "application/json", b"[" * 100_000, {}), NotTheApi),
        ((200, "application/json", b"{}", {"Content-Length": "10", "Connection": "close"}), Unreachable),
    ],
)
def test_other_answers_are_errors_with_words(answer: Answer, error: type[RestError]) -> None:
    with served() as server, client_of(server) as client:
        server.answers = [answer]
        with pytest.raises(error) as raised:
            client.peer("a/b")
        assert str(raised.value)
        assert TOKEN not in repr(raised.value)
        assert server.asked[0][:2] == ("GET", "/api/v1/peers/a%2Fb")


def test_an_answer_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 5)
    with served() as server, client_of(server) as client, pytest.raises(Unreachable, match="too long"):
        client.export_peers("csv")


@pytest.mark.parametrize("text", ["", "x", "alkr_", "alkr_a\r\nX: y", "alkr_ä"])
def test_a_text_that_is_no_token_is_never_sent(text: str) -> None:
    with pytest.raises(WrongToken) as refused:
        Transport(Address("127.0.0.1", 1), Secret(text))
    assert "X: y" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://panel.example", Address("panel.example", 443)),
        ("https://[::1]:8443/x/api/v1/", Address("::1", 8443, "/x")),
        ("http://127.0.0.2:8000", Address("127.0.0.2", 8000, is_tls=False)),
    ],
)
def test_a_url_says_where(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize("url", ["", "panel", "http://panel", "ftp://a", "https://a:b@c", "https://a:x", "https://a?b"])
def test_a_url_that_says_nothing_of_use_is_refused(url: str) -> None:
    with pytest.raises(WrongAddress):
        parse_address(url)
