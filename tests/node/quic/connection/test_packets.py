"""Reading packets of strangers: never an exception, never more than the header says."""

import pytest
from aioquic._buffer import Buffer
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import (
    QuicErrorCode,
    QuicFrameType,
    QuicPacketType,
    get_retry_integrity_tag,
    pull_quic_header,
)
from hypothesis import example, given
from hypothesis import strategies as st

from node.quic.connection.packets import (
    MIN_INITIAL,
    Initial,
    destination_of,
    parse_initial,
    refuse,
    retry,
    unknown_version,
)

CIDS = st.binary(max_size=20)
V2 = 0x6B3343CF
VERSIONS = st.sampled_from([1, V2, 0, 0x1A2A3A4A, 0xFF00001D])
ONE_BYTE = st.integers(0, 0x3F).map(lambda number: bytes([number]))
TWO_BYTES = st.integers(0x4000, 0x7FFF).map(lambda number: number.to_bytes(2, "big"))
LENGTHS = st.one_of(ONE_BYTE, TWO_BYTES)
"""Variable-length integers, of which many are true of what follows."""


@st.composite
def token_and_length(draw):
    """What an Initial has behind its ids, with a length that may lie."""
    token = draw(st.binary(max_size=80))
    return (len(token) | 0x4000).to_bytes(2, "big") + token + draw(LENGTHS)


@st.composite
def long_headers(draw):
    """A long header with a plausible rest, sometimes cut off, sometimes filled up to a datagram's size."""
    destination, source = draw(CIDS), draw(CIDS)
    data = bytes([draw(st.integers(0x80, 0xFF))]) + draw(VERSIONS).to_bytes(4, "big")
    data += bytes([len(destination)]) + destination + bytes([len(source)]) + source
    data += draw(st.one_of(st.binary(max_size=40), token_and_length()))
    cut = draw(st.integers(0, len(data)))
    return draw(st.sampled_from([data, data[:cut], data.ljust(MIN_INITIAL, b"\0")]))


DATAGRAMS = st.one_of(st.binary(max_size=60), long_headers())


def read(data):
    """The header as the engine's own parser finds it, and the buffer behind it."""
    buffer = Buffer(data=data)
    return pull_quic_header(buffer, host_cid_length=8), buffer


def oracle(data):
    try:
        return read(data)[0]
    except ValueError:
        return None


@given(DATAGRAMS)
@example(b"")
def test_the_destination_is_the_one_that_the_full_parser_finds(data):
    header = oracle(data)
    if header is not None:
        assert (destination_of(data) or b"") == header.destination_cid


@given(DATAGRAMS)
@example(bytes.fromhex("c000000001" + "08" + "11" * 8 + "00" + "00" + "4001").ljust(MIN_INITIAL, b"\0"))
@example(bytes.fromhex("d06b3343cf" + "08" + "11" * 8 + "00" + "0261624001").ljust(MIN_INITIAL, b"\0"))
@example(bytes.fromhex("c06b3343cf" + "08" + "11" * 8 + "00" + "00" + "4001").ljust(MIN_INITIAL, b"\0"))
@example(bytes.fromhex("c000000001" + "08" + "11" * 8 + "00" + "ff" * 8).ljust(MIN_INITIAL, b"\0"))
@example(bytes.fromhex("c000000001" + "08" + "11" * 8 + "00" + "00" + "7fff").ljust(MIN_INITIAL, b"\0"))
def test_only_a_whole_client_initial_begins_a_connection(data):
    header, initial = oracle(data), parse_initial(data)
    begins = (
        header is not None
        and header.packet_type is QuicPacketType.INITIAL
        and header.version in (1, V2)
        and len(data) >= MIN_INITIAL
        and len(header.destination_cid) >= 8
    )
    wanted = Initial(header.version, header.destination_cid, header.source_cid, header.token) if begins else None
    assert initial == wanted


@given(st.sampled_from([1, V2]), st.binary(min_size=8, max_size=20), CIDS, st.binary(max_size=300))
def test_every_initial_of_a_client_is_read_whole(version, destination, source, token):
    first = {1: 0xC3, V2: 0xD3}[version]
    data = bytes([first]) + version.to_bytes(4, "big") + bytes([len(destination)]) + destination
    data += bytes([len(source)]) + source + (len(token) | 0x4000).to_bytes(2, "big") + token + b"\x44\x00"
    assert parse_initial(data.ljust(2000, b"\0")) == Initial(version, destination, source, token)


@pytest.mark.parametrize("version", [1, V2])
def test_the_end_of_a_datagram_ends_every_field(version):
    """Cut anywhere, a field that says it goes on to 1 200 bytes and more is not read."""
    first = {1: 0xC0, V2: 0xD0}[version]
    head = bytes([first]) + version.to_bytes(4, "big") + b"\x08" + bytes(8) + b"\x00"
    token = b"\x44\xa0" + bytes(0x4A0 - 16)
    for end in range(MIN_INITIAL, MIN_INITIAL + 40):
        data = (head + token).ljust(MIN_INITIAL - 3, b"\xff").ljust(end, b"\xc0")
        assert parse_initial(data) is None or oracle(data) is not None


@given(DATAGRAMS)
def test_a_version_answer_swaps_the_ids_and_is_shorter_than_its_cause(data):
    answer = unknown_version(data)
    if answer is None:
        return
    header, asked = oracle(answer), data
    assert header.packet_type is QuicPacketType.VERSION_NEGOTIATION
    assert header.supported_versions == [1, V2]
    assert header.destination_cid in asked
    assert header.source_cid == asked[6 : 6 + asked[5]]
    assert len(answer) < len(asked) >= MIN_INITIAL
    assert int.from_bytes(asked[1:5], "big") not in (0, 1, V2)


@given(st.sampled_from([1, V2]), st.binary(min_size=8, max_size=20), CIDS)
def test_a_refusal_is_small_and_addressed_to_the_asker_who_can_read_it(version, destination, source):
    answer = refuse(Initial(version, destination, source))
    header, buffer = read(answer)
    assert (header.version, header.packet_type) == (version, QuicPacketType.INITIAL)
    assert (header.destination_cid, header.source_cid) == (source, destination)
    assert len(answer) < 120
    client = CryptoPair()
    client.setup_initial(cid=destination, is_client=True, version=version)
    _, frames, _ = client.decrypt_packet(answer, buffer.tell(), 0)
    assert frames[:2] == bytes([QuicFrameType.TRANSPORT_CLOSE, QuicErrorCode.CONNECTION_REFUSED])


@given(st.sampled_from([1, V2]), st.binary(min_size=8, max_size=20), CIDS, st.binary(max_size=300))
def test_a_retry_names_its_version_and_is_sealed_for_it(version, destination, source, token):
    answer = retry(Initial(version, destination, source), b"chosenid", token)
    header, _ = read(answer)
    assert (header.version, header.packet_type, header.token) == (version, QuicPacketType.RETRY, token)
    assert (header.destination_cid, header.source_cid) == (source, b"chosenid")
    assert header.integrity_tag == get_retry_integrity_tag(answer[:-16], destination, version)
