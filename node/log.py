"""Logging of every process of the appliance: structlog renders, stdlib logging carries.

Modules use `logging.getLogger(__name__)` with `extra=`, or structlog itself: both come out as the same fields, one line
each on stderr. Exceptions show their traceback and never the values of variables, where secrets could be.
"""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from node.core import current
from node.settings import LogSettings

MAX_DEPTH = 4
"""Levels of a field's value that are looked into for secrets."""


def configure_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (default stderr). Call it once, before anything logs."""
    stream = stream or sys.stderr
    shared = _shared_processors()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_renderers(settings, stream))
    )
    root = logging.getLogger()
    root.handlers = [handler]
    set_level(settings.level)


def set_level(level: str) -> None:
    """Write only what is at least this important from now on."""
    logging.getLogger().setLevel(level.upper())
    # The QUIC engine tells several lines about every connection, and two about every failure; ours say the same.
    logging.getLogger("quic").setLevel(logging.DEBUG if level == "debug" else logging.ERROR)


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _what_for,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _what_for(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """The connection and the request that the line is about, where it does not say so itself."""
    return {**current.facts(), **fields}


SECRET_NAMES = frozenset(
    {
        "password", "passphrase", "secret", "token", "auth_token", "api_key", "plaintext", "words", "mnemonic", "seed",
        "private_key", "cookie", "authorization", "set_cookie", "csrf_token", "sessionid",
    }
)  # fmt: skip
"""Fields that no line has a use for. Nobody logs them; this is for who does by mistake."""
REDACTED = "[redacted]"


def redact(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """The fields without the values of secrets, whatever they are in."""
    return {name: _without_secrets(name, value) for name, value in fields.items()}


def _without_secrets(name: object, value: Any, depth: int = 0) -> Any:
    if isinstance(name, str) and name.lower().replace("-", "_") in SECRET_NAMES:
        return REDACTED
    if isinstance(value, dict) and depth < MAX_DEPTH:
        return {key: _without_secrets(key, inner, depth + 1) for key, inner in value.items()}
    return value


def _renderers(settings: LogSettings, stream: TextIO) -> list[Processor]:
    terminal = stream.isatty()
    if settings.format == "console" or (settings.format == "auto" and terminal):
        renderer: Processor = structlog.dev.ConsoleRenderer(
            colors=terminal, exception_formatter=structlog.dev.plain_traceback
        )
        return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]
