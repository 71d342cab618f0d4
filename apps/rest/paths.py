"""Names in paths. A peer's name may hold a slash, which is sent as %2F and must not become a border of the path.

So below /api/ the path stays as it was sent, percent signs and all, and each name is decoded by itself.
"""

from urllib.parse import quote, unquote

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

ROOT = "/api/"


def is_api(path: str) -> bool:
    return path.startswith(ROOT) or path == ROOT.rstrip("/")


def keep_encoded(request: HttpRequest) -> None:
    """Put the path as it was sent in place of the decoded one."""
    raw: bytes = request.scope.get("raw_path") or b"" if isinstance(request, ASGIRequest) else b""
    path = raw.partition(b"?")[0].decode("latin-1") if raw else quote(request.path_info, safe="/:@!$&'()*+,;=~")
    request.path_info = request.path = path


class NameConverter:
    """One segment of a path, decoded. Bytes that are not UTF-8 make it another path, which is not there."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        try:
            return unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise ValueError from None

    def to_url(self, value: str) -> str:
        return quote(value, safe="")
