"""Headers that narrow what a page of the panel may do in a browser, and who keeps it."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def _form_action() -> str:
    """The sign-in by an identity provider begins with a form, whose answer leads there."""
    issuer = settings.ALKNET.panel.oidc.issuer
    parts = urlsplit(issuer or "")
    return f"form-action 'self' {parts.scheme}://{parts.netloc}" if issuer else "form-action 'self'"


# The theme runs Alpine, which compiles the expressions in its attributes ('unsafe-eval'; docs/threat-model.md says why
# that stays), and sets style attributes. No script and no style of a page is inline, so an injected one does nothing.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        _form_action(),
        "frame-ancestors 'none'",
    )
)
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


HSTS = "max-age=31536000"
"""Told where browsers reach the panel by TLS (RFC 6797): for a year they come by nothing else."""


KEPT_BY_NOBODY = "no-store"
"""Of every answer that says nothing else, as static files do: a page may show a secret, and is of its moment."""


class SecurityHeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cache-Control", KEPT_BY_NOBODY)
        if settings.BEHIND_TLS:
            response.headers.setdefault("Strict-Transport-Security", HSTS)
        return response
