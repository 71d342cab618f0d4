"""Gives a request an id where the server has not: under a test client, and under another server than ours."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.audit.request_id import current_request_id

HEADER = "X-Request-ID"


class RequestIdMiddleware:
    """The id is told to the client; what the client sends under that name is not believed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = current_request_id.get()
        if request_id:
            response = self._get_response(request)
        else:
            request_id = str(uuid.uuid4())
            token = current_request_id.set(request_id)
            try:
                response = self._get_response(request)
            finally:
                current_request_id.reset(token)
        response[HEADER] = request_id
        return response
