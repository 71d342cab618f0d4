"""What Django's records of requests may put into the log: no one-time token, and of a client's fault one line."""

import logging
import re

_LINK = re.compile(r"(/setup/)[^/\s\"']+")
MAX_FAULT = 500
"""Longest line about a client's fault, in characters: the client wrote part of it."""


class SetupTokenFilter(logging.Filter):
    """Blanks the token of the set-up link in every message, and takes the request object off the record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.pop("request", None)
        message = record.getMessage()
        if "/setup/" in message:
            record.msg, record.args = _LINK.sub(r"\1…", message), ()
        return True


class ClientFaultFilter(logging.Filter):
    """Makes one warning line of what a client did wrong; Django adds a traceback of itself, which tells nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _is_clients_fault(record):
            message = record.getMessage().replace("ALLOWED_HOSTS", "panel.allowed_hosts")
            record.msg, record.args = message[:MAX_FAULT], ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def filter_request_log() -> None:
    """Put both filters on every handler of the root logger."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(SetupTokenFilter())
        handler.addFilter(ClientFaultFilter())


def _is_clients_fault(record: logging.LogRecord) -> bool:
    status = getattr(record, "status_code", 500)
    return record.name.startswith("django.security.") or (record.name == "django.request" and status < 500)
