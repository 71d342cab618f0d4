"""The page that shows the API: Swagger UI out of django-ninja's package, from this server, without inline script."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase


class DocsPage(DocsBase):
    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """It sends what it is told to as whoever is signed in, by the session and its CSRF token."""
        return render(request, "rest/docs.html", {"schema_url": self.get_openapi_url(api, kwargs)})
