"""A small OpenID Connect provider on the loopback: discovery, tokens for a code with PKCE, and a person."""

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

SECRET = "the client's secret of this test"


class Provider:
    """`person` is who signs in there; `asked` is what the panel has sent to get a token."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.person: dict[str, Any] = {
            "sub": "a1",
            "preferred_username": "ann",
            "email": "ann@example.org",
            "name": "Ann B",
        }
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, str] = {}

    def consent(self, address: str) -> str:
        """What a browser is led back to after somebody has signed in at `address`."""
        sent = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_hex(8)
        self._codes[code] = sent["code_challenge"]
        return f"{sent['redirect_uri']}?{urlencode({'code': code, 'state': sent['state']})}"

    def configuration(self) -> dict[str, Any]:
        names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        places = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **places}

    def token(self, sent: dict[str, str]) -> dict[str, Any] | None:
        self.asked.append(sent)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self._codes.pop(sent.get("code", ""), None) != challenge or sent.get("client_secret") != SECRET:
            return None
        claims = {
            "iss": self.issuer,
            "aud": "panel",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
            **self.person,
        }
        return {
            "access_token": "t",
            "token_type": "Bearer",
            "id_token": jwt.encode(claims, "k" * 32, algorithm="HS256"),
        }


@contextlib.contextmanager
def identity_provider() -> Iterator[Provider]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"/.well-known/openid-configuration": provider.configuration(), "/userinfo": provider.person}
            self._answer(known.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(provider.token({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, found: Any) -> None:
            self.send_response(200 if found else 400)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        provider = Provider(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
