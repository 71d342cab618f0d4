"""Reading packets of strangers: never an exception, never more than the header says."""

from aioquic._buffer import Buffer
from aioquic.quic.packet import QuicPacketType, pull_quic_header
from hypothesis import example, given
from hypothesis import strategies as st

from node.quic.packets import MIN_INITIAL, Initial, destination_of, parse_initial, refuse, unknown_version

CIDS = st.binary(max_size=20)
VERSIONS = st.sampled_from([1, 0, 0x6B3343CF, 0x1A2A3A4A, 0xFF00001D])


@st.composite
def long_headers(draw):
    """A long header with a plausible rest, sometimes cut off, sometimes filled up to a datagram's size."""
    destination, source = draw(CIDS), draw(CIDS)
    data = bytes([draw(st.integers(0x80, 0xFF))]) + draw(VERSIONS).to_bytes(4, "big")
    data += bytes([len(destination)]) + destination + bytes([len(source)]) + source + draw(st.binary(max_size=40))
    cut = draw(st.integers(0, len(data)))
    return draw(st.sampled_from([data, data[:cut], data.ljust(MIN_INITIAL, b"\0")]))


DATAGRAMS = st.one_of(st.binary(max_size=60), long_headers())


def oracle(data):
    try:
        return pull_quic_header(Buffer(data=data), host_cid_length=8)
    except ValueError:
        return None


@given(DATAGRAMS)
@example(b"")
def test_the_destination_is_the_one_that_the_full_parser_finds(data):
    header = oracle(data)
    if header is not None:
        assert (destination_of(data) or b"") == header.destination_cid


@given(DATAGRAMS)
def test_only_a_whole_client_initial_begins_a_connection(data):
    header, initial = oracle(data), parse_initial(data)
    begins = (
        header is not None
        and header.packet_type is QuicPacketType.INITIAL
        and header.version == 1
        and len(data) >= MIN_INITIAL
        and len(header.destination_cid) >= 8
    )
    assert initial == (Initial(1, header.destination_cid, header.source_cid) if begins else None)


@given(DATAGRAMS)
def test_a_version_answer_swaps_the_ids_and_is_shorter_than_its_cause(data):
    answer = unknown_version(data)
    if answer is None:
        return
    header, asked = oracle(answer), data
    assert header.packet_type is QuicPacketType.VERSION_NEGOTIATION
    assert header.supported_versions == [1]
    assert header.destination_cid in asked
    assert header.source_cid == asked[6 : 6 + asked[5]]
    assert len(answer) < len(asked) >= MIN_INITIAL
    assert int.from_bytes(asked[1:5], "big") not in (0, 1)


@given(st.binary(min_size=8, max_size=20), CIDS)
def test_a_refusal_is_small_and_addressed_to_the_asker(destination, source):
    answer = refuse(Initial(1, destination, source))
    header = oracle(answer)
    assert header.packet_type is QuicPacketType.INITIAL
    assert (header.destination_cid, header.source_cid) == (source, destination)
    assert len(answer) < 120
