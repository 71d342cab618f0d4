"""The id of a request: told to the client, in every log line for it, and in those of the node that it asked."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from alknet_site.request_ids import with_request_ids
from alknet_site.web_numbers import NONE, WebNumbers
from apps.audit.request_id import current_request_id
from node.control.client import ControlClient
from node.core import current
from tests.support.control import control_thread

UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HTTP = {"type": "http", "path": "/"}


async def receive() -> Mapping[str, Any]:
    return {"type": "http.request"}


async def answers(application: Any) -> list[Mapping[str, Any]]:
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await application(HTTP, receive, send)
    return sent


async def test_every_answer_carries_one_id_whatever_the_application_says() -> None:
    seen = []

    async def application(_: Any, __: Any, send: Any) -> None:
        seen.append(current_request_id.get())
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"X-Request-ID", b"forged"), (b"a", b"b")]}
        )

    [start] = await answers(with_request_ids(application))
    [(_, told)] = [pair for pair in start["headers"] if pair[0] == b"x-request-id"]
    assert UUID.fullmatch(told)
    assert [told.decode()] == seen
    assert (b"a", b"b") in start["headers"]
    assert (b"X-Request-ID", b"forged") not in start["headers"]
    assert current_request_id.get() == ""


def test_a_log_line_has_it() -> None:
    token = current.request.set("of-this-request")
    try:
        assert current.facts() == {"request_id": "of-this-request"}
    finally:
        current.request.reset(token)
    assert current.facts() == {}


def test_the_node_logs_it_of_what_it_was_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Any] = []

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            calls.append((record.getMessage(), current.facts().get("call")))

    logger, noting = logging.getLogger("node.control.operations"), Noting()
    logger.addHandler(noting)
    logger.setLevel(logging.INFO)
    token = current.request.set("of-this-request")
    try:
        with control_thread(tmp_path / "node.sock"), ControlClient(tmp_path / "node.sock") as client:
            for _ in range(2):
                assert client.call("node/disconnect", {"all": True}) == {"closed": 3}
    finally:
        current.request.reset(token)
        logger.removeHandler(noting)
        logger.setLevel(logging.NOTSET)
    assert calls == [("disconnected on request", "of-this-request")] * 2


async def test_requests_are_counted_by_class() -> None:
    numbers = WebNumbers()

    async def application(_: Any, __: Any, send: Any) -> None:
        assert numbers.in_flight == 1
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def gone(*_: Any) -> None:
        return None

    await answers(numbers.counting(application))
    await answers(numbers.counting(gone))
    assert numbers.requests == {"4xx": 1, NONE: 1}
    assert (numbers.in_flight, numbers.seconds.count) == (0, 2)
