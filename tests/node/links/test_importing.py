"""What one connection keeps imported: renewed, retried, and withdrawn with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from node.handlers.call.peers import PeerMap
from node.links import importing
from node.links.importing import Importer
from node.links.settings import ImportSettings, LinkSettings
from node.links.state import LinkCounts, LinkState
from tests.support.offering import Offering, described, offering
from tests.support.quic import settled

ALL = ImportSettings(operations=("*",))


class Importing:
    def __init__(self, peer: Offering) -> None:
        self.peer, self.peers = peer, PeerMap()
        self.state = LinkState("worker", LinkSettings.model_validate({"import": ALL}), LinkCounts())
        self.importer = Importer(peer.calls, self.peers, ALL, self.state)
        self.importer._refresh = 0.01

    @property
    def names(self) -> list[str] | None:
        found = self.peers.snapshot().get("worker")
        return None if found is None else sorted(operation.name for operation in found)

    def offers(self, *names: str) -> None:
        self.peer.described |= {name: described(name) for name in names}
        self.peer.listed = {"operations": [{"name": name} for name in names]}


@contextlib.asynccontextmanager
async def importing_from(*names: str) -> AsyncIterator[Importing]:
    async with offering(*map(described, names)) as peer:
        made = Importing(peer)
        task = asyncio.create_task(made.importer.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.wait((task,))
        assert (made.names, len(peer.calls.imported)) == (None, 0)


async def test_what_is_offered_by_now_takes_the_place_of_what_was() -> None:
    async with importing_from("a/b", "a/c") as made:
        await settled(lambda: made.names == ["a/b", "a/c"])
        made.offers("a/c", "a/d")
        await settled(lambda: made.names == ["a/c", "a/d"])
        assert made.state.counts.imports == 2


async def test_a_list_that_has_not_changed_costs_one_question() -> None:
    async with importing_from("a/b") as made:
        await settled(lambda: len(made.peer.requests) > 6)
        asked = [request["payload"]["operationId"] for request in made.peer.requests]
        assert asked.count("/services/schema") == 1
        assert made.state.counts.imports == 1


async def test_an_import_that_fails_is_told_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(importing, "FIRST_RETRY", 0.01)
    async with importing_from() as made:
        await settled(lambda: made.names == [])
        made.peer.listed = "nonsense"
        await settled(lambda: made.state.counts.import_failures > 1)
        assert (made.state.error, made.names) == ("the list of operations is none", [])
        made.importer._backoff.longest = 0.01
        made.offers("a/b")
        await settled(lambda: made.names == ["a/b"])
        assert made.state.error is None
    assert [record.message for record in caplog.records].count("operations could not be imported") == 1


async def test_it_is_withdrawn_the_moment_the_connection_ends() -> None:
    async with importing_from("a/b") as made:
        await settled(lambda: made.names == ["a/b"])
        made.peer.calls._connection.close()
        await settled(lambda: made.peer.calls.ended)
        assert made.names is None
