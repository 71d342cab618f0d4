"""Keeps the one-time token of the set-up link out of the log: Django's own records hold the path of a request."""

import logging
import re

_LINK = re.compile(r"(/setup/)[^/\s\"']+")


class SetupTokenFilter(logging.Filter):
    """Blanks the token in every message that passes, and takes the request object off the record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.pop("request", None)
        message = record.getMessage()
        if "/setup/" in message:
            record.msg, record.args = _LINK.sub(r"\1…", message), ()
        return True


def keep_setup_token_out() -> None:
    """Put the filter on every handler of the root logger."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(SetupTokenFilter())
