"""Messages that a flood repeats."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from node import log_repeats
from node.log import configure_logging
from node.log_repeats import BURST, MAX_MESSAGES, RepeatFilter, limit_repeats
from node.settings import LogSettings

logger = logging.getLogger("test.flood")


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(log_repeats, "time", clock)
    return clock


@pytest.fixture
def written(clock: Clock) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(LogSettings(level="debug", format="json"), stream)
    limit_repeats()
    yield stream
    root.handlers = before[0]
    root.setLevel(before[1])


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_faults_of_clients_hide_no_failure_that_the_same_line_tells_of(written: io.StringIO) -> None:
    for level in (logging.WARNING, logging.ERROR):
        for _ in range(BURST + 1):
            logger.log(level, "a response")
    assert [line["level"] for line in lines(written)] == ["warning"] * BURST + ["error"] * BURST


def fail(host: int) -> None:
    logger.warning("handshake failed", extra={"host": host})


def test_a_flood_of_one_message_is_cut_and_the_next_line_says_by_how_much(written: io.StringIO, clock: Clock) -> None:
    for number in range(5000):
        fail(number)
    assert len(lines(written)) == BURST
    clock.now += 0.5
    fail(0)
    fail(0)
    last = lines(written)[-1]
    assert len(lines(written)) == BURST + 1
    assert last["left_out"] == 5000 - BURST
    clock.now += 1000
    fail(0)
    assert lines(written)[-1]["left_out"] == 1


def test_other_messages_and_other_peers_are_not_hidden_by_it(written: io.StringIO) -> None:
    for _ in range(1000):
        logger.info("connected", extra={"peer_id": None})
    logger.info("connected", extra={"peer_id": "ann"})
    logger.info("disconnected", extra={"peer_id": None})
    assert len(lines(written)) == BURST + 2
    assert lines(written)[-2]["peer_id"] == "ann"


def test_lines_of_structlog_are_counted_too(written: io.StringIO, clock: Clock) -> None:
    for number in range(1000):
        structlog.get_logger("test.structured").info("seen", number=number)
    clock.now += 1
    structlog.get_logger("test.structured").info("seen", number=1000)
    assert len(lines(written)) == BURST + 1
    assert lines(written)[-1]["left_out"] == 1000 - BURST


def test_a_text_that_varies_is_still_one_message(written: io.StringIO) -> None:
    """As with a connection id in it, which strangers choose."""
    for number in range(1000):
        logger.warning(f"[{number}] no common protocol")  # noqa: G004 - as others do it
    assert len(lines(written)) == BURST


def test_debugging_is_let_through(written: io.StringIO) -> None:
    for _ in range(1000):
        logger.debug("a step")
    assert len(lines(written)) == 1000


def test_ever_new_messages_take_no_more_space() -> None:
    repeats = RepeatFilter()
    for number in range(3 * MAX_MESSAGES):
        repeats.filter(logging.makeLogRecord({"lineno": number, "levelno": logging.INFO}))
    assert len(repeats._allowances) == MAX_MESSAGES
