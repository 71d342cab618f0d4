"""One request after another to one server, over one connection while it lasts.

The token is sent once the server has shown who it is: by a certificate that this machine trusts for that name, or by
the one whose SHA-256 was pinned. Redirects are not followed.
"""

import hashlib
import hmac
import http.client
import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from node.client.rest.address import Address
from node.client.rest.errors import Busy, NotTheApi, Refused, Unreachable, Untrusted, WrongToken, refusal
from node.core.capabilities import Secret

BASE = "/api/v1"
TIMEOUT_S = 30.0
"""Longest wait for a connection, or for more of an answer."""
ANSWER_S = 120.0
"""Longest time for a whole answer."""
MAX_ANSWER = 64 * 1024 * 1024
TRIES = 3
MAX_WAIT_S = 10.0
"""Longest pause before another try, whatever the server says."""
_TOKEN = re.compile(r"alkr_[\x21-\x7e]{1,1024}")
"""What can stand in a header; http.client would repeat any other text in its error."""
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """By what the server is known. `pin` is `SHA256:` and the hex digest of its certificate; `ca_file` is of PEM."""

    pin: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; `path` is below the API. One that is `repeatable` may be sent again, not knowing how it went."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def repeatable(self) -> bool:
        return self.method in ("GET", "PUT") or "Idempotency-Key" in self.headers


class Transport:
    """Sends requests with one token; raises WrongToken for a text that is none. Not for several threads."""

    def __init__(self, address: Address, token: Secret, trust: Trust | None = None, timeout: float = TIMEOUT_S) -> None:
        if not _TOKEN.fullmatch(token.expose_secret()):
            raise WrongToken
        self._address, self._token, self._trust, self._timeout = address, token, trust or Trust(), timeout
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Let the connection go; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(self, request: Request) -> bytes:
        """The body of a success. Raises RestError; what is repeatable is tried again first."""
        for left in range(TRIES - 1, -1, -1):
            try:
                return self._once(request)
            except (Unreachable, Busy) as error:
                self.close()
                if not left or not request.repeatable:
                    raise
                time.sleep(_pause(error, TRIES - left))
        raise AssertionError("the last try ends the loop")

    def pieces(self, request: Request) -> Iterator[bytes]:
        """The body of a success as it comes, however long; tried once. Raises RestError, also where it breaks off."""
        try:
            response = self._answer(request)
            if response.status != 200:
                _judged(response, _read(response))
            while piece := response.read1(_PIECE):
                yield piece
            response.close()
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from None

    def _once(self, request: Request) -> bytes:
        try:
            response = self._answer(request)
            body = _read(response)
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from None
        return _judged(response, body)

    def _answer(self, request: Request) -> http.client.HTTPResponse:
        """Its head; the body is still to be read."""
        connection = self._connected()
        query = urlencode(request.query, doseq=True)
        path = f"{self._address.path}{BASE}{request.path}{f'?{query}' if query else ''}"
        connection.request(request.method, path, request.body, self._headers(request))
        return connection.getresponse()

    def _lost(self, error: Exception) -> Unreachable:
        self.close()
        return Unreachable(f"{self._address}: {_cause(error)}")

    def _headers(self, request: Request) -> dict[str, str]:
        kind = {} if request.body is None else {"Content-Type": request.media_type}
        return {"Authorization": f"Bearer {self._token.expose_secret()}", "Accept": "*/*", **kind, **request.headers}

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is not None and self._connection.sock is not None:
            return self._connection
        address = self._address
        if not address.is_tls:
            connection = http.client.HTTPConnection(address.host, address.port, timeout=self._timeout)
        else:
            context = _context(self._trust)
            connection = http.client.HTTPSConnection(address.host, address.port, timeout=self._timeout, context=context)
        try:
            connection.connect()
            _check_pin(connection, self._trust.pin)
        except (ssl.SSLCertVerificationError, Untrusted) as error:
            connection.close()
            raise Untrusted(f"{address}: {getattr(error, 'verify_message', '') or error}") from None
        self._connection = connection
        return connection


def _context(trust: Trust) -> ssl.SSLContext:
    """Of a pinned server neither name nor issuer count."""
    try:
        context = ssl.create_default_context(cafile=str(trust.ca_file) if trust.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise Untrusted(f"{trust.ca_file} holds no certificates: {error.strerror or 'not PEM'}") from None
    if trust.pin is not None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _check_pin(connection: http.client.HTTPConnection, pin: str | None) -> None:
    if pin is None:
        return
    if not isinstance(connection.sock, ssl.SSLSocket):
        raise Untrusted("there is no certificate to pin without https://")
    shown = f"SHA256:{hashlib.sha256(connection.sock.getpeercert(binary_form=True) or b'').hexdigest()}"
    if not hmac.compare_digest(shown, pin):
        raise Untrusted(f"it shows the certificate {shown}, not the pinned one")


def _read(response: http.client.HTTPResponse) -> bytes:
    """All of the answer, within its time and length."""
    end, pieces, length = time.monotonic() + ANSWER_S, [], 0
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        length += len(piece)
        if length > MAX_ANSWER:
            raise http.client.HTTPException("the answer is too long")
        if time.monotonic() > end:
            raise TimeoutError("the answer takes too long")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    response.close()  # read1 leaves it open at its end, and then the connection takes no other request
    return b"".join(pieces)


def _judged(response: http.client.HTTPResponse, body: bytes) -> bytes:
    if 200 <= response.status < 300:
        return body
    if response.headers.get_content_type() != "application/problem+json":
        raise NotTheApi(f"Something else answers there (status {response.status}): is it the panel's address?")
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    raise _refused(response, document if isinstance(document, dict) else {})


def _refused(response: http.client.HTTPResponse, document: Mapping[str, Any]) -> Refused:
    wait = response.headers.get("Retry-After", "")
    return refusal(response.status, document, float(wait) if wait.isascii() and wait.isdigit() else None)


def _pause(error: Exception, tried: int) -> float:
    """As the server says, else a little longer each time."""
    wait = error.retry_after if isinstance(error, Busy) else None
    return min(MAX_WAIT_S, 0.2 * 2**tried if wait is None else wait)


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
