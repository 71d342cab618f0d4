"""What a protocol is told, and what its calls do, is the same over a stream as over a socket of asyncio's own.

One script of calls is played on both, each with its peer; after each call everything that it leads to has happened.
Left out is what the two cannot have in common: a peer that aborts looks to a socket like one that ends, a socket tells
nothing of a peer that reads no more, and a stream that both have ended is over without a call of `close`.
"""

import asyncio
import itertools
import socket
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from node.core.stream_transport import StreamTransport
from tests.support.examples import examples
from tests.support.streams import stream_pair
from tests.support.transports import Recorder

TURNS = 30
"""Of the loop, after which nothing is under way: each step of either transport takes one or two."""
WRITES = ["write", "write nothing", "write_eof"]
OURS = [*WRITES, "close", "abort", "pause_reading", "resume_reading"]
THEIRS = ["peer writes", "peer ends", "peer closes"]
SCRIPTS = st.lists(st.sampled_from(OURS + THEIRS), max_size=10)


@dataclass
class Played:
    """What came of a script: after each call what it raised and what the transport says, and all that was told."""

    calls: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    data: bytes = b""
    heard: bytes = b""
    """By the peer."""


@examples(20)
@given(SCRIPTS, st.booleans())
async def test_a_stream_behaves_as_a_socket(script: list[str], keeps_open: bool) -> None:
    over_stream = await play(*await by_stream(keeps_open), script)
    assert over_stream == await play(*await by_socket(keeps_open), script)
    assert over_stream.told.count("connection_lost") == 1


async def by_stream(keeps_open: bool) -> Any:
    ours, theirs = Recorder(keeps_open=keeps_open), Recorder(keeps_open=True)
    near, far = stream_pair()
    return StreamTransport.attach(near, ours), StreamTransport.attach(far, theirs), ours, theirs


async def by_socket(keeps_open: bool) -> Any:
    ours, theirs = Recorder(keeps_open=keeps_open), Recorder(keeps_open=True)
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()  # of Unix: what is written is there at once
    near, _ = await loop.create_connection(lambda: ours, sock=one)
    far, _ = await loop.create_connection(lambda: theirs, sock=other)
    return near, far, ours, theirs


async def play(near: Any, far: Any, ours: Recorder, theirs: Recorder, script: list[str]) -> Played:
    played, done = Played(), set[str]()
    for number, step in enumerate(script):
        if not is_common(step, done, near.is_closing()):
            continue
        raised = call(step, near, far, b"%d" % number)
        done.add(step)
        await settled()
        if {"write_eof", "peer ends"} <= done or ("peer closes" in done and ours.keeps_open):
            break
        played.calls.append((step, raised, near.is_closing(), near.is_reading(), near.get_write_buffer_size()))
    for transport in (near, far):
        transport.close()
    await settled()
    played.told = [name for name, _ in itertools.groupby(ours.told)]
    played.data, played.heard = bytes(ours.data), bytes(theirs.data)
    return played


def is_common(step: str, done: set[str], closing: bool) -> bool:
    if step in THEIRS:
        return not closing and not {"peer ends", "peer closes"} & done
    if step in WRITES:
        return "peer closes" not in done and not (closing and "write_eof" in done)
    return True


def call(step: str, near: Any, far: Any, data: bytes) -> type[BaseException] | None:
    """What it raises."""
    calls: dict[str, Any] = {
        "write": lambda: near.write(data),
        "write nothing": lambda: near.write(b""),
        "peer writes": lambda: far.write(data),
        "peer ends": far.write_eof,
        "peer closes": far.close,
    }
    try:
        calls.get(step, getattr(near, step, None))()
    except RuntimeError as error:
        return type(error)
    return None


async def settled() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
