"""Log lines: the same fields whichever way they were logged, and no values of variables."""

import io
import json
import logging
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
import structlog

from node.core import current
from node.log import REDACTED, SECRET_NAMES, configure_logging
from node.settings import LogSettings


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where this test's log goes; the root logger is as it was afterwards."""
    root, engine = logging.getLogger(), logging.getLogger("quic")
    before = (root.handlers, root.level, engine.level)
    yield io.StringIO()
    root.handlers, root.level = before[:2]
    engine.setLevel(before[2])
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_ways_of_logging_give_the_same_fields(stream: io.StringIO) -> None:
    configure_logging(LogSettings(format="json"), stream)
    logging.getLogger("a").info("closed %s", "it", extra={"peer_id": "bob", "ms": 1.5})
    structlog.get_logger("a").info("closed it", peer_id="bob", ms=1.5)
    first, second = lines(stream)
    assert first.pop("timestamp") <= second.pop("timestamp")
    assert first == second == {"logger": "a", "level": "info", "message": "closed it", "peer_id": "bob", "ms": 1.5}


@pytest.mark.parametrize("name", [*sorted(SECRET_NAMES), "Authorization", "set-cookie"])
def test_a_field_that_is_named_after_a_secret_has_no_value(stream: io.StringIO, name: str) -> None:
    configure_logging(LogSettings(format="json"), stream)
    logging.getLogger("a").warning("mistake", extra={name: "hunter2", "headers": {name: ["hunter2"], "host": "h"}})
    structlog.get_logger("a").warning("mistake", **{name: "hunter2", "headers": {name: ("hunter2",), "host": "h"}})
    assert "hunter2" not in stream.getvalue()
    for line in lines(stream):
        assert (line[name], line["headers"]) == (REDACTED, {name: REDACTED, "host": "h"})


def test_the_level_is_a_floor(stream: io.StringIO) -> None:
    configure_logging(LogSettings(format="json", level="warning"), stream)
    logging.getLogger("a").info("below")
    logging.getLogger("a").warning("above")
    assert [line["message"] for line in lines(stream)] == ["above"]


@pytest.mark.parametrize("kind", ["json", "console"])
def test_a_traceback_is_shown_without_the_values_of_variables(stream: io.StringIO, kind: Any) -> None:
    configure_logging(LogSettings(format=kind), stream)
    secret = "".join(["hun", "ter2"])
    try:
        [][len(secret)]
    except IndexError:
        logging.getLogger("a").exception("failed")
    assert "IndexError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize(("terminal", "is_json"), [(False, True), (True, False)])
def test_auto_is_text_on_a_terminal_and_json_elsewhere(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, terminal: bool, is_json: bool
) -> None:
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    configure_logging(LogSettings(), stream)
    logging.getLogger("a").info("hello")
    assert stream.getvalue().startswith("{") is is_json


@pytest.mark.parametrize("kind", ["json", "console"])
def test_text_from_outside_cannot_make_a_line_of_its_own(stream: io.StringIO, kind: Any) -> None:
    configure_logging(LogSettings(format=kind), stream)
    logging.getLogger("a").info("hello", extra={"peer_id": "x\nforged: line\x1b[2J"})
    assert stream.getvalue().count("\n") == 1
    assert "\x1b[2J" not in stream.getvalue()


def test_the_engines_chatter_comes_only_when_asked_for(stream: io.StringIO) -> None:
    configure_logging(LogSettings(format="json"), stream)
    logging.getLogger("quic").info("negotiated")
    assert stream.getvalue() == ""
    configure_logging(LogSettings(format="json", level="debug"), stream)
    logging.getLogger("quic").info("negotiated")
    assert len(lines(stream)) == 1


def test_lines_carry_the_connection_and_the_request_that_they_are_about(stream: io.StringIO) -> None:
    configure_logging(LogSettings(format="json"), stream)

    def work() -> None:
        current.connection.set(7)
        current.call.set("a\x1bb" + "x" * 1000)
        logging.getLogger("a").info("by the way")
        structlog.get_logger("a").info("by the way")
        logging.getLogger("a").info("itself", extra={"connection": 8})

    copy_context().run(work)
    logging.getLogger("a").info("outside")
    first, second, own, outside = lines(stream)
    for line in (first, second):
        assert (line["connection"], line["call"]) == (7, "a\ufffdb" + "x" * (current.MAX_CALL - 3))
    assert (own["connection"], own["call"]) == (8, first["call"])
    assert not {"connection", "call"} & set(outside)
