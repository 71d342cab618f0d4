"""The loop's complaints, without addresses; and room for open files."""

import asyncio
import resource
from collections.abc import Iterator
from typing import Any

import pytest

from node.loop_faults import tell_faults
from node.open_files import WANTED, make_room


async def test_no_address_is_told(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()

    def fails(*_: Any) -> None:
        raise ValueError("a fault")

    tell_faults(loop)
    full = OSError(24, f"Too many open files {address}")
    loop.call_exception_handler({"message": "socket.accept", "exception": full, "socket": server.sockets[0]})
    loop.call_soon(fails, address)
    await asyncio.sleep(0)
    server.close()
    assert [record.__dict__["error"] for record in caplog.records] == ["OSError", "ValueError"]
    assert "Too many open files" in caplog.records[0].__dict__["reason"]
    assert str(address[1]) not in caplog.text + repr([record.__dict__["what"] for record in caplog.records])


@pytest.fixture
def few() -> Iterator[int]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 900), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_as_many_files_as_the_system_lets(few: int) -> None:
    make_room()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert (soft, hard) == (WANTED if few == resource.RLIM_INFINITY else min(WANTED, few), few)
