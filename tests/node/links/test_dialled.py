"""Links that this node dials, over real QUIC in one process: rights, losses, other keys."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from node.core.live import Live
from node.core.peers import PeerEntry
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.links import dialled
from node.links.dialled import Dialling
from node.links.links import Links
from node.links.settings import LinkSettings
from node.quic.limits import QuicLimits
from node.quic.tls.keys import NodeKey
from tests.support.quic import settled
from tests.support.three_ends import Hub, Worker

Wanted = dict[str, LinkSettings]


@dataclass
class Linked:
    hub: Hub
    worker: Worker
    links: Links
    wanted: Live[Wanted]

    def want(self, fingerprint: str | None = None) -> None:
        """Have the hub linked to the worker, which is called "far" in its settings."""
        pin = fingerprint or self.worker.key.fingerprint
        rules = {"operations": ["work/*"]}
        table = {"address": self.worker.address, "fingerprint": pin, "import": rules}
        self.wanted.value = {"far": LinkSettings.model_validate(table)}
        self.links.follow()

    @property
    def link(self) -> tuple[str, int]:
        """State, and operations imported."""
        [facts] = self.links.facts()
        return facts["state"], facts["operations"]


@pytest.fixture
async def linked(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Linked]:
    monkeypatch.setattr(dialled, "LONGEST_DELAY", 0.2)
    hub, worker, wanted = Hub(CallLimits()), Worker(CallLimits()), Live[Wanted]({})
    links = Links(hub.handler, hub.provider, wanted)
    links.dial(Dialling(hub.key, Live(QuicLimits()), lambda *_: contextlib.nullcontext()))
    yield Linked(hub, worker, links, wanted)
    await links.close()


async def test_what_a_dialled_node_may_do_here_the_list_of_peers_says(linked: Linked) -> None:
    async with linked.worker.listening():
        linked.want()
        await settled(lambda: linked.link == ("connected", 2))
        [back] = linked.worker.live
        with pytest.raises(CallError, match="FORBIDDEN"):
            await back.call("mine/run", 1)
        key = linked.worker.key.fingerprint
        linked.hub.knows(PeerEntry("called-so-here", (key,), scopes=("worker",)))
        assert await back.call("mine/run", 1) == [1, "called-so-here"]
        linked.hub.knows()
        with pytest.raises(CallError, match="FORBIDDEN"):
            await back.call("mine/run", 1)


async def test_a_link_is_made_again_and_again_until_the_settings_name_it_no_more(
    linked: Linked, caplog: pytest.LogCaptureFixture
) -> None:
    for times in (1, 2):
        async with linked.worker.listening():
            linked.want()
            await settled(lambda: linked.link == ("connected", 2))
        linked.worker.tasks.clear()
        await settled(lambda: linked.link == ("dialling", 0))
        await settled(lambda expected=times: linked.links.snapshot()["dial_failures"] > expected)  # type: ignore[misc]
    counts = linked.links.snapshot()
    assert (counts["dialled"], counts["lost"], counts["connected"]) == (2, 2, 0)
    [facts] = linked.links.facts()
    assert facts["error"]
    async with linked.worker.listening():
        await settled(lambda: linked.link == ("connected", 2))
        linked.wanted.value = {}
        linked.links.follow()
        await settled(lambda: linked.worker.live[-1].ended)
    assert (linked.links.facts(), linked.hub.handler.peers.snapshot()) == ([], {})
    assert [record.message for record in caplog.records].count("node not reached; it is dialled again and again") <= 4


async def test_another_key_is_refused_until_the_settings_name_it(
    linked: Linked, caplog: pytest.LogCaptureFixture
) -> None:
    async with linked.worker.listening():
        linked.want(NodeKey.generate().fingerprint)
        await settled(lambda: linked.link == ("refused", 0))
        assert linked.links.snapshot()["pin_mismatches"] == 1
        [loud] = [record for record in caplog.records if record.levelname == "ERROR"]
        assert loud.shown == linked.worker.key.fingerprint  # type: ignore[attr-defined]  # set by `extra`
        linked.want()
        await settled(lambda: linked.link == ("connected", 2))


async def test_a_node_is_not_linked_to_itself(linked: Linked) -> None:
    async with linked.worker.listening():
        linked.want(linked.hub.key.fingerprint)
        await settled(lambda: linked.link == ("refused", 0))
        assert linked.links.snapshot()["pin_mismatches"] == 0
    assert linked.worker.live == []
