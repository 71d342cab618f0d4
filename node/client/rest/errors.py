"""Why a request to the REST API had no success. Each error's text is for people; no token is ever in one."""

from collections.abc import Mapping
from typing import Any


class RestError(Exception):
    """The root of them all."""


class WrongAddress(RestError):
    """The URL is none that can be asked."""


class WrongToken(RestError):
    """The text is no token."""

    def __init__(self) -> None:
        super().__init__("A token is one line that begins with alkr_.")


class Unreachable(RestError):
    """Nothing answered, or the connection broke off. Whether the request was done is not known."""


class Untrusted(RestError):
    """The server could not show that it is the right one. The token was not sent."""


class NotTheApi(RestError):
    """Something answered that is not this API."""


class Refused(RestError):
    """The API said no, in a problem document (RFC 9457). `errors` has the messages of each field or row."""

    def __init__(self, status: int, document: Mapping[str, Any], retry_after: float | None = None) -> None:
        detail = document.get("detail")
        super().__init__(detail if isinstance(detail, str) else f"The server answered {status}.")
        self.status = status
        self.errors = _errors(document.get("errors"))
        self.request_id = str(document.get("request_id", ""))
        self.retry_after = retry_after
        """Seconds to wait, where the server says so."""


class NotAuthenticated(Refused):
    """401: the token is not taken."""


class NotAllowed(Refused):
    """403: the token has not the right."""


class Missing(Refused):
    """404: there is no such thing."""


class Conflict(Refused):
    """409 and 412: it cannot be done as things are, or they are not as the caller thought."""


class Invalid(Refused):
    """400, 413, 415 and 422: something is wrong with what was sent."""


class Busy(Refused):
    """429 and 503: not now; `retry_after` says when."""


class Failed(Refused):
    """Any other: the server failed."""


_KINDS: Mapping[int, type[Refused]] = {
    400: Invalid,
    401: NotAuthenticated,
    403: NotAllowed,
    404: Missing,
    409: Conflict,
    412: Conflict,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Busy,
    503: Busy,
}


def refusal(status: int, document: Mapping[str, Any], retry_after: float | None) -> Refused:
    """The error of a status."""
    return _KINDS.get(status, Failed)(status, document, retry_after)


def _errors(value: Any) -> dict[str, list[str]]:
    """Of what a server sends, those that have the shape."""
    if not isinstance(value, dict):
        return {}
    return {str(name): [str(text) for text in texts] for name, texts in value.items() if isinstance(texts, list)}
