"""The codec of SFTP version 3: every packet there and back, known bytes, and bytes of anybody's choosing."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.handlers.sftp.codec import Attributes, BadMessage, OpenFlags, PacketType, Status, decode, encode
from node.handlers.sftp.codec.extensions import (
    LimitsReply,
    OneHandle,
    OnePath,
    Space,
    TwoPaths,
    decode_body,
    encode_body,
)
from node.handlers.sftp.codec.framing import MAX_PACKET, UnknownPacket, frame_length
from node.handlers.sftp.codec.packets import (
    PACKETS,
    Close,
    Entry,
    Extended,
    Init,
    NameReply,
    Open,
    Read,
    Setstat,
    StatusReply,
    Symlink,
    Version,
)
from node.handlers.sftp.codec.wire import MAX_HANDLE, MAX_PAIRS, MAX_PATH

U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
PATHS = st.binary(max_size=64)
PAIRS = st.lists(st.tuples(PATHS, PATHS), max_size=3).map(tuple)
PAIR_OF_U32 = st.none() | st.tuples(U32, U32)
ATTRIBUTES = st.builds(Attributes, st.none() | U64, PAIR_OF_U32, st.none() | U32, PAIR_OF_U32, st.none() | PAIRS)
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "request_id": U32,
    "version": U32,
    "offset": U64,
    "length": U32,
    "code": U32,
    "extensions": PAIRS,
    "flags": st.integers(0, 63).map(OpenFlags),
    "attributes": ATTRIBUTES,
    "entries": st.lists(st.builds(Entry, PATHS, PATHS, ATTRIBUTES), max_size=3).map(tuple),
    "message": st.text(max_size=20),
    "language": st.sampled_from(["", "en"]),
}


def packets_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, *(BY_NAME.get(field.name, PATHS) for field in fields(kind)))


@pytest.mark.parametrize("kind", PACKETS.values(), ids=lambda kind: str(kind.__name__))
@settings(max_examples=12)
@given(data=st.data())
def test_every_packet_comes_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    packet = data.draw(packets_of(kind))
    raw = encode(packet)
    assert frame_length(raw[:4], 2**32 - 1) == len(raw) - 4
    assert decode(raw[4:]) == packet


def test_there_is_a_packet_for_every_number_of_the_draft() -> None:
    assert set(PACKETS) == set(PacketType)
    assert len(PACKETS) == 27


def test_known_bytes() -> None:
    """Written down from the draft's text, by hand."""
    opened = Open(5, b"/a", OpenFlags.WRITE | OpenFlags.CREATE, Attributes(permissions=0o644))
    assert encode(opened).hex() == "000000170300000005000000022f610000000a00000004000001a4"
    assert encode(Init()).hex() == "000000050100000003"
    assert encode(Read(1, b"h", 2, 3)).hex() == "0000001605000000010000000168000000000000000200000003"
    assert encode(StatusReply(7, Status.EOF, "end")).hex() == ("0000001465000000070000000100000003656e6400000000")
    assert encode(Version(3, ((b"a", b"1"),))).hex() == "0000000f020000000300000001610000000131"
    assert encode(Symlink(1, b"t", b"l")).hex() == "0000000f14000000010000000174000000016c"
    every = Attributes(1, (2, 3), 4, (5, 6), ((b"x", b"y"),))
    numbers = "8000000f00000000000000010000000200000003000000040000000500000006"
    assert encode(Setstat(1, b"", every))[13:].hex() == numbers + "0000000100000001780000000179"


@given(st.binary(max_size=200))
def test_bytes_of_anybodys_choosing_are_a_packet_or_are_refused(body: bytes) -> None:
    try:
        packet = decode(body)
    except BadMessage:
        return
    assert decode(encode(packet)[4:]) == packet


@settings(max_examples=150)
@given(st.sampled_from(sorted(PACKETS)), st.binary(max_size=60))
def test_so_are_bytes_behind_a_known_type(number: int, rest: bytes) -> None:
    try:
        packet = decode(bytes((number,)) + rest)
    except BadMessage as bad:
        known = number not in (PacketType.INIT, PacketType.VERSION) and len(rest) >= 4
        assert bad.request_id == (int.from_bytes(rest[:4], "big") if known else None)
    else:
        assert decode(encode(packet)[4:]) == packet


@settings(max_examples=60)
@given(st.data())
def test_a_packet_that_is_cut_short_is_refused_and_what_follows_one_is_passed_over(data: st.DataObject) -> None:
    packet = data.draw(packets_of(data.draw(st.sampled_from([Open, Read, Setstat, Symlink, NameReply]))))
    body = encode(packet)[4:]
    with pytest.raises(BadMessage):
        decode(body[: data.draw(st.integers(0, len(body) - 1))])
    assert decode(body + data.draw(st.binary(max_size=8))) == packet


def test_lengths_are_bounded_before_anything_is_read() -> None:
    for raw in (b"\0\0\0\0", (MAX_PACKET + 1).to_bytes(4, "big"), b"\xff\xff\xff\xff"):
        with pytest.raises(BadMessage):
            frame_length(raw)
    assert frame_length(MAX_PACKET.to_bytes(4, "big")) == MAX_PACKET


@pytest.mark.parametrize(
    "packet",
    [
        Close(1, bytes(MAX_HANDLE + 1)),
        Symlink(1, b"", bytes(MAX_PATH + 1)),
        Init(3, ((b"", b""),) * (MAX_PAIRS + 1)),
        Read(1, b"", 2**64, 0),
        Read(-1, b"", 0, 0),
        Read(1, b"", 0, 2**32),
        Setstat(1, b"", Attributes(size=-1)),
        Setstat(1, b"", Attributes(extended=((b"", b""),) * (MAX_PAIRS + 1))),
    ],
)
def test_what_has_no_place_on_the_wire_is_not_written(packet: Any) -> None:
    with pytest.raises(BadMessage):
        encode(packet)


@pytest.mark.parametrize(
    "body",
    [
        "04 00000001 00000101 00",  # a handle of 257 bytes
        "11 00000001 00001001 00",  # a path of 4097
        "68 00000001 00001001",  # 4097 names
        "09 00000001 00000000 80000000 00000041",  # 65 extensions
        "09 00000001 00000000 00000010",  # a part of newer attributes
        "03 00000001 00000000 00000040 00000000",  # a newer way of opening
        "01 00000003" + "00000000 00000000" * (MAX_PAIRS + 1),
    ],
)
def test_what_is_too_much_is_refused_by_its_announcement(body: str) -> None:
    with pytest.raises(BadMessage):
        decode(bytes.fromhex(body))


def test_an_unknown_type_is_told_apart_with_its_request() -> None:
    with pytest.raises(UnknownPacket) as refused:
        decode(bytes.fromhex("15 0000002a 00"))
    assert refused.value.request_id == 42
    with pytest.raises(BadMessage):
        decode(b"")


def test_a_status_of_an_old_peer_has_no_words() -> None:
    assert decode(bytes.fromhex("65 00000001 00000000")) == StatusReply(1, Status.OK, "")


BODIES = st.one_of(
    st.builds(TwoPaths, PATHS, PATHS),
    st.builds(OnePath, PATHS),
    st.builds(OneHandle, PATHS),
    st.builds(LimitsReply, *[U64] * 4),
    st.builds(Space, *[U64] * 11),
)


@settings(max_examples=50)
@given(BODIES)
def test_the_bodies_of_extensions_come_back_too(body: Any) -> None:
    carried = decode(encode(Extended(1, b"x@y", encode_body(body)))[4:])
    assert isinstance(carried, Extended)
    assert decode_body(type(body), carried.body) == body
    with pytest.raises(BadMessage):
        decode_body(type(body), carried.body[:-1])
