"""Nodes that connect to this one: after any sequence of events exactly those are imported that ought to be."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from node.core.errors import StreamError
from node.core.identity import AuthContext
from node.core.index import IndexProvider, build_index
from node.core.live import Live
from node.core.peers import PeerEntry
from node.handlers.call.handler import ALPN, CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.links.links import Links
from node.links.settings import LinkSettings
from tests.support.offering import Offering, described
from tests.support.quic import settled
from tests.support.raw_call import RawPeer
from tests.support.streams import connection_pair

KEYS = ["ed25519:" + digit * 64 for digit in "abc"]
NAMES = ("one", "two")
NAME = st.sampled_from(NAMES)
IMPORT = {"import": {"operations": ["*"]}}
KINDS = {
    "plain": IMPORT,
    "prefixed": {"import": {"operations": ["*"], "namespace_prefix": "far"}},
    "pinned": {"fingerprint": KEYS[0], **IMPORT},
    "dialled": {"address": "127.0.0.1:9", "fingerprint": KEYS[0], **IMPORT},
}
"""Of these the last waits for nobody."""
KEY = st.integers(0, 2)
STEP = st.one_of(
    st.tuples(st.just("connect"), st.none() | KEY),
    st.tuples(st.just("leave"), st.integers(0, 7)),
    st.tuples(st.just("peers"), st.dictionaries(KEY, NAME)),
    st.tuples(st.just("settings"), st.dictionaries(NAME, st.sampled_from(list(KINDS)))),
    st.tuples(st.just("pause"), st.integers(0, 20)),
    st.tuples(st.just("settle"), st.none()),
)


@dataclass(eq=False)
class Visitor:
    """A node that has connected, and offers one operation that tells which it is."""

    key: int | None
    number: int
    theirs: Any
    tasks: list["asyncio.Task[Any]"]


class World:
    def __init__(self) -> None:
        self.provider, self.wanted = IndexProvider(), Live[Any]({})
        self.handler = CallHandler(OperationRegistry(), self.provider, CallLimits())
        self.links = Links(self.handler, self.provider, self.wanted)
        self.provider.subscribe(self.links.peers_changed)
        self.kinds: dict[str, str] = {}
        self.holders: dict[int, str] = {}
        self.visitors: list[Visitor] = []
        self.count = 0

    async def do(self, kind: str, value: Any) -> None:
        match kind:
            case "connect":
                self.connect(value)
            case "leave" if self.visitors:
                await self.leave(self.visitors.pop(value % len(self.visitors)))
            case "peers":
                self.holders = value
                entries = [PeerEntry(name, tuple(KEYS[k] for k in value if value[k] == name)) for name in NAMES]
                self.provider.publish(build_index(entry for entry in entries if entry.fingerprints))
            case "settings":
                self.kinds = value
                self.wanted.value = {name: LinkSettings.model_validate(KINDS[kind]) for name, kind in value.items()}
                self.links.follow()
            case "settle":
                await settled(lambda: self.is_right() and self.has_imported())
            case "pause":
                for _ in range(value):
                    await asyncio.sleep(0)

    def connect(self, key: int | None) -> None:
        theirs, ours = connection_pair(ALPN)
        self.count += 1
        offered = Offering(described(f"visitor/{self.count}"))
        auth = AuthContext(None, ALPN, tls_client_fingerprint=None if key is None else KEYS[key])
        tasks = [asyncio.create_task(self._answer(offered, theirs)), asyncio.create_task(self._serve(ours, auth))]
        self.visitors.append(Visitor(key, self.count, theirs, tasks))

    async def _answer(self, offered: Offering, theirs: Any) -> None:
        async with RawPeer(theirs) as offered.raw:
            await offered.answer()

    async def _serve(self, ours: Any, auth: AuthContext) -> None:
        with contextlib.suppress(StreamError):
            await self.handler.handle(ours, auth)

    async def leave(self, visitor: Visitor) -> None:
        visitor.theirs.close()
        visitor.tasks[0].cancel()
        await asyncio.wait(visitor.tasks)

    def expected(self, name: str) -> set[str]:
        """What may stand under this name, each alone; nothing where nothing may."""
        kind = self.kinds.get(name, "dialled")
        if kind == "dialled":
            return set()
        prefix = "far/" if kind == "prefixed" else ""
        held = [v for v in self.visitors if v.key is not None and self.holders.get(v.key) == name]
        return {f"{prefix}visitor/{v.number}" for v in held if kind != "pinned" or v.key == 0}

    def has_imported(self) -> bool:
        """By every connection, which says nothing of which of them stands under a name."""
        running = self.links._awaited._live.values()
        keyed = [visitor for visitor in self.visitors if visitor.key is not None]
        return len(running) == len(keyed) and all(one is None or one.importer._known is not None for one in running)

    def is_right(self) -> bool:
        imported = self.handler.peers.snapshot()
        for name in NAMES:
            found = {operation.name for operation in imported.get(name, ())}
            wanted = self.expected(name)
            if (
                (name in imported) != bool(wanted)
                or len(found) > 1
                or not found <= wanted
                or bool(found) != bool(wanted)
            ):
                return False
        connected = sum(bool(self.expected(name)) for name in NAMES)
        return self.links.snapshot()["connected"] == connected


async def play(steps: list[Any]) -> None:
    world = World()
    for kind, value in steps:
        await world.do(kind, value)
    await settled(world.is_right)
    for visitor in world.visitors:
        await world.leave(visitor)
    await world.links.close()
    assert world.handler.peers.snapshot() == {}
    assert world.links._awaited._live == {}


TWICE = [
    ("peers", {0: "one"}),
    ("settings", {"one": "plain"}),
    ("connect", 0),
    ("settle", None),
    ("connect", 0),
    ("settle", None),
    ("leave", 1),
]


@given(st.lists(STEP, max_size=12))
@example(TWICE)
@example([*TWICE[:4], ("settings", {"one": "prefixed"})])
@example([*TWICE[:4], ("peers", {0: "two"}), ("settings", {"two": "pinned"}), ("connect", 1)])
def test_exactly_those_are_imported_that_are_wanted_and_there(steps: list[Any]) -> None:
    asyncio.run(play(steps))
