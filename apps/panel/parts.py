"""Pages of which a script wants a part."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django_htmx.http import HttpResponseClientRedirect


class PartsMiddleware:
    """Where a part would come from another page, such as that of signing in, the browser goes there whole."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if request.headers.get("HX-Request") == "true" and "Location" in response.headers:
            return HttpResponseClientRedirect(response.headers["Location"])
        return response
