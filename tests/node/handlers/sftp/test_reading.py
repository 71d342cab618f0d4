"""Packets out of a stream that is cut anywhere."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.handlers.sftp.codec import BadMessage, frame
from node.handlers.sftp.patience import Patience
from node.handlers.sftp.reading import Packets
from tests.support.examples import examples
from tests.support.quic import soon

BODIES = st.lists(st.binary(min_size=1, max_size=60), max_size=8)
CUTS = st.lists(st.integers(0, 500), max_size=12)


class Pieces:
    """A stream whose reads give these bytes as they are cut."""

    def __init__(self, data: bytes, cuts: list[int]) -> None:
        ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        self._pieces = [data[start:end] for start, end in itertools.pairwise(ends)]

    async def read(self, limit: int = 65_536) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def write(self, data: bytes) -> None:
        raise AssertionError


async def packets_of(stream: Pieces) -> list[bytes]:
    waits = [Patience(60, lambda: None) for _ in range(2)]
    packets, found = Packets(stream, 60, waits[0]), []
    while (body := await packets.next(waits[1])) is not None:
        found.append(bytes(body))
    for patience in waits:
        patience.close()
    return found


@examples(60)
@given(BODIES, CUTS)
async def test_packets_come_whole_however_the_stream_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    assert await packets_of(Pieces(b"".join(map(frame, bodies)), cuts)) == bodies


@examples(30)
@given(BODIES.filter(bool), CUTS, st.integers(1, 60))
async def test_a_stream_that_ends_inside_a_packet_is_no_end(bodies: list[bytes], cuts: list[int], short: int) -> None:
    data = b"".join(map(frame, bodies))
    with pytest.raises(EOFError):
        await packets_of(Pieces(data[: -min(short, len(bodies[-1]) + 3)], cuts))


@pytest.mark.parametrize("length", ["00000000", "0000003d", "ffffffff"])
async def test_a_length_that_is_none_is_refused_before_its_packet_comes(length: str) -> None:
    with pytest.raises(BadMessage):
        await soon(packets_of(Pieces(bytes.fromhex(length), [])))
