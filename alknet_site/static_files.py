"""Static files straight from the packages that own them: no collect step, and no streaming through a thread."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import django_htmx
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, answering with whole bodies: its file responses are read in a worker thread, block by block."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file as file:
                body = file.read()
        response = HttpResponse(body, status=int(found.status))
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response


class HtmxFinder(BaseFinder):
    """htmx of its package, at the address where the theme has a copy of its own: a page loads one, and a newer one."""

    place = "unfold/js/htmx/htmx.js"
    file = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"

    def check(self, **_: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        found = str(self.file) if path == self.place else None
        return [found] if find_all and found else found or []

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        yield self.place, _OneFile(self.file)


class _OneFile(FileSystemStorage):
    """A storage that has one file, whatever it is called."""

    def __init__(self, file: Path) -> None:
        super().__init__(location=file.parent)
        self._file = file

    def path(self, name: str) -> str:
        return str(self._file)
