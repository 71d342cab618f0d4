"""What holds below /api/, whoever answers: paths as sent, problems as documents.

What answers GET answers HEAD without its body, and OPTIONS tells of every path what it takes (RFC 9110 §9.3.2, §9.3.7).
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.rest.answers import Answer
from apps.rest.paths import is_api, keep_encoded
from apps.rest.problems import MEDIA_TYPE, problem

_KEPT = ("Allow", "Retry-After", "WWW-Authenticate")
_TEXTS = {
    400: "The request is not one that can be answered.",
    404: "There is nothing at this path.",
    405: "This path does not take that method.",
    503: "The database is busy. Try again.",
}
_FAILED = "The server failed at this request. Its log tells why, under the request's id."


class ApiMiddleware:
    """Around all that may refuse, so that what others refuse becomes a problem document as well."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request.path):
            return self._get_response(request)
        keep_encoded(request)
        asked = request.method
        if asked == "HEAD":
            request.method = "GET"  # no route knows of HEAD
        response = _finished(self._get_response(request), asked)
        request.method = asked
        return _Head(response) if asked == "HEAD" else response


class _Head(HttpResponse):
    """Another answer without its body, with the length of it where that is known; what would be streamed is not read.

    What the other holds, such as a file, is closed with it.
    """

    def __init__(self, whole: HttpResponseBase) -> None:
        super().__init__(status=whole.status_code, headers=whole.headers)
        self.cookies = whole.cookies
        self._whole = whole

    def close(self) -> None:
        try:
            self._whole.close()
        finally:
            super().close()


def _finished(response: HttpResponseBase, asked: str | None) -> HttpResponseBase:
    if response.status_code == 405:
        response.headers["Allow"] = _allowed(response.headers.get("Allow", ""))
        if asked == "OPTIONS":
            return Answer(status=204, headers={"Allow": response.headers["Allow"]})
    if response.status_code >= 400 and response.headers.get("Content-Type") != MEDIA_TYPE:
        return _documented(response)
    return response


def _allowed(methods: str) -> str:
    """What a path takes, out of the methods of its routes."""
    named = {name.strip() for name in methods.split(",") if name.strip()}
    return ", ".join(sorted(named | {"OPTIONS"} | ({"HEAD"} if "GET" in named else set())))


def _documented(response: HttpResponseBase) -> HttpResponseBase:
    kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
    text = _TEXTS.get(response.status_code, _FAILED if response.status_code >= 500 else response.reason_phrase)
    return problem(response.status_code, text, headers=kept)
