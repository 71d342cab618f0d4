"""Gives every request an id of its own; what the client sends under that name is not trusted."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.audit.request_id import current_request_id

HEADER = "X-Request-ID"


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(uuid.uuid4())
        token = current_request_id.set(request_id)
        try:
            response = self._get_response(request)
        finally:
            current_request_id.reset(token)
        response[HEADER] = request_id
        return response
