"""The supervisor's small parts on their own."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cli.supervisor.backoff import FIRST_DELAY, LONGEST_DELAY, SETTLED_AFTER, Backoff
from node.cli.supervisor.health import is_healthy
from node.cli.supervisor.keeper import Serving
from node.cli.supervisor.lock import AlreadyRunning, instance_lock
from node.cli.supervisor.ready import Ready, banner
from node.core.paths import DataPaths


@given(st.lists(st.floats(0, SETTLED_AFTER * 2), max_size=20))
def test_delays_double_between_their_bounds_and_start_over_once_settled(uptimes: list[float]) -> None:
    backoff, quick = Backoff(), 0
    for uptime in uptimes:
        quick = 0 if uptime >= SETTLED_AFTER else quick
        assert backoff.delay(uptime) == min(FIRST_DELAY * 2**quick, LONGEST_DELAY)
        quick += 1


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 503 Wait\r\n\r\n", False),
        (b"HTTP/1.1 2000 OK\r\n\r\n", False),
        (b"200\r\n", False),
        (b"", False),
        (b"x" * 100_000, False),
    ],
)
async def test_only_a_real_200_is_healthy(answer: bytes, healthy: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        assert await is_healthy(server.sockets[0].getsockname()) is healthy


async def test_a_port_where_nothing_listens_is_not_healthy() -> None:
    server = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    server.close()
    await server.wait_closed()
    assert not await is_healthy(address)


def ready(tmp_path: Path, public_url: str | None) -> Ready:
    web = Serving(1, ("0.0.0.0", 8000), {})
    node = Serving(2, ("::", 4433), {"fingerprint": "ed25519:aa"})
    return Ready.of(web, node, paths=DataPaths(tmp_path), public_url=public_url)


def test_wildcard_addresses_are_told_as_reachable_ones(tmp_path: Path) -> None:
    facts = ready(tmp_path, None)
    assert (facts.panel_url, facts.node_address) == ("http://127.0.0.1:8000", "[::1]:4433")
    assert ready(tmp_path, "https://panel.example").panel_address == facts.panel_address == "127.0.0.1:8000"


def test_the_public_url_is_the_one_people_are_told_and_the_link_is_never_in_a_repr(tmp_path: Path) -> None:
    token = DataPaths(tmp_path).setup_token
    token.parent.mkdir()
    token.write_text("one-time")
    facts = ready(tmp_path, "https://panel.example")
    assert facts.setup_url == "https://panel.example/setup/one-time/"
    assert facts.setup_url in banner(facts, tmp_path)
    assert "one-time" not in repr(facts)


def test_the_lock_is_exclusive_and_ends_with_its_block(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    with instance_lock(path), pytest.raises(AlreadyRunning, match=r"process [0-9]+"), instance_lock(path):
        pass
    with instance_lock(path):
        pass
