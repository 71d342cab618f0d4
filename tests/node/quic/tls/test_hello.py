"""Reading a ClientHello's offer of keys: what the engine's own parser finds, and never more than an alert."""

import struct

import pytest
from aioquic import tls
from aioquic._buffer import Buffer
from hypothesis import example, given
from hypothesis import strategies as st

from node.quic.tls.hello import CLIENT_CERTIFICATE_TYPE, SERVER_CERTIFICATE_TYPE, read_offer

U16 = st.integers(0, 0xFFFF)
TYPES = st.none() | st.lists(st.integers(0, 255), min_size=1, max_size=255)


def message(hello):
    buffer = Buffer(capacity=64 * 1024)
    tls.push_client_hello(buffer, hello)
    return buffer.data


def hello(others=(), signatures=(0x0807,)):
    return tls.ClientHello(
        random=bytes(32),
        legacy_session_id=b"",
        cipher_suites=[0x1301],
        legacy_compression_methods=[0],
        alpn_protocols=["h3"],
        key_share=[(29, bytes(32))],
        psk_key_exchange_modes=[1],
        server_name="example",
        signature_algorithms=list(signatures),
        supported_groups=[29],
        supported_versions=[0x0304],
        other_extensions=list(others),
    )


def listed(kinds):
    return bytes([len(kinds), *kinds])


@given(
    servers=TYPES,
    clients=TYPES,
    signatures=st.lists(U16, min_size=1, max_size=40),
    session=st.binary(max_size=32),
    noise=st.lists(st.tuples(U16.filter(lambda n: n > 100), st.binary(max_size=300)), max_size=6),
)
def test_every_offer_is_read_as_it_was_written(servers, clients, signatures, session, noise):
    extensions = list(noise)
    for number, kinds in ((SERVER_CERTIFICATE_TYPE, servers), (CLIENT_CERTIFICATE_TYPE, clients)):
        if kinds is not None:
            extensions.append((number, listed(kinds)))
    made = hello(extensions, signatures)
    made.legacy_session_id = session
    data = message(made)
    offer = read_offer(data)
    assert list(offer.verifies) == tls.pull_client_hello(Buffer(data=data)).signature_algorithms == signatures
    assert list(offer.reads) == ([0] if servers is None else servers)
    assert list(offer.shows) == ([0] if clients is None else clients)
    assert (offer.names_server, offer.names_client) == (servers is not None, clients is not None)


WHOLE = message(hello([(SERVER_CERTIFICATE_TYPE, b"\x02\x02\x00"), (CLIENT_CERTIFICATE_TYPE, b"\x01\x02")]))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
@example(38, 255)
def test_a_damaged_hello_is_read_or_refused_and_nothing_else(place, value):
    damaged = bytearray(WHOLE)
    damaged[place] = value
    try:
        read_offer(bytes(damaged))
    except tls.AlertDecodeError:
        return


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_off_hello_is_refused(length):
    with pytest.raises(tls.AlertDecodeError):
        read_offer(WHOLE[:length])


@given(st.binary(max_size=200))
def test_noise_is_refused(data):
    with pytest.raises(tls.AlertDecodeError):
        read_offer(bytes(38) + data + b"\xff\xff")


@pytest.mark.parametrize("kinds", [b"", b"\x00", b"\x02\x00", b"\x01\x00\x00"], ids=repr)
@pytest.mark.parametrize("number", [SERVER_CERTIFICATE_TYPE, CLIENT_CERTIFICATE_TYPE])
def test_a_list_of_kinds_has_exactly_its_length(number, kinds):
    with pytest.raises(tls.AlertDecodeError):
        read_offer(message(hello([(number, kinds)])))


@pytest.mark.parametrize("data", [b"", b"\x00\x00", b"\x00\x02\x08", b"\x00\x04\x08\x07", b"\x00\x03\x08\x07\x08"])
def test_a_list_of_signatures_has_exactly_its_length(data):
    extension = struct.pack("!HH", 13, len(data)) + data
    head = bytes(38) + b"\0" + b"\0\2\x13\x01" + b"\1\0" + struct.pack("!H", len(extension))
    with pytest.raises(tls.AlertDecodeError):
        read_offer(head + extension)


def test_without_a_word_on_keys_it_is_certificates_that_nobody_can_verify():
    offer = read_offer(bytes(38) + b"\0" + b"\0\2\x13\x01" + b"\1\0" + b"\0\0")
    assert (offer.reads, offer.shows, offer.verifies) == ((0,), (0,), ())
