"""What holds below /api/, whoever answers: paths as sent, problems as documents, nothing kept by caches."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

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
        response = self._get_response(request)
        if response.status_code >= 400 and response.headers.get("Content-Type") != MEDIA_TYPE:
            response = _documented(response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _documented(response: HttpResponseBase) -> HttpResponseBase:
    kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
    text = _TEXTS.get(response.status_code, _FAILED if response.status_code >= 500 else response.reason_phrase)
    return problem(response.status_code, text, headers=kept)
