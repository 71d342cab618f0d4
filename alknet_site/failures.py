"""The page of a request that failed: a database that stays locked is busy, anything else is a mistake of ours."""

import sqlite3
import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

RETRY_S = 5


def answer_failure(request: HttpRequest) -> HttpResponse:
    """Called by Django while it handles the exception, for every view and every middleware."""
    if not _is_busy(sys.exc_info()[1]):
        return server_error(request)
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_S)})


def _is_busy(error: BaseException | None) -> bool:
    """Whether SQLite gave up waiting for another writer. Django's error has SQLite's own as its cause."""
    cause = error.__cause__ if error else None
    return isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
