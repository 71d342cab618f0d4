"""What is below /api/ and no route."""

from typing import Any, NoReturn

from django.http import Http404, HttpRequest


def nothing_here(request: HttpRequest, *_: Any) -> NoReturn:
    """The panel answers every other path by asking to sign in: a program is told that there is nothing."""
    raise Http404
