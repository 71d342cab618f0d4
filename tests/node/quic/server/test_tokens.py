"""Retry tokens, and the Retry packets that carry them, held against the engine's own."""

from aioquic.quic.packet import encode_quic_retry
from hypothesis import given
from hypothesis import strategies as st

from node.quic.connection.packets import Initial, retry
from node.quic.engine.engine import VERSIONS
from node.quic.server.tokens import RetryTokens

ADDRESSES = st.tuples(st.ip_addresses().map(str), st.integers(0, 65535))
IDS = st.binary(min_size=8, max_size=20)
HERE = ("192.0.2.1", 443)


@given(ADDRESSES, IDS, IDS, st.floats(0, 1e9), st.floats(0, 29.9))
def test_a_token_gives_back_the_first_destination(address, original, chosen, now, later):
    tokens = RetryTokens()
    token = tokens.make(address, original, chosen, now)
    assert tokens.read(token, address, chosen, now + later) == original


@given(st.integers(0, 39), st.integers(1, 255))
def test_a_token_that_was_changed_anywhere_is_none(place, change):
    tokens = RetryTokens()
    token = bytearray(tokens.make(HERE, bytes(16), bytes(8), 5.0))
    token[place] ^= change
    assert tokens.read(bytes(token), HERE, bytes(8), 5.0) is None


@given(st.binary(max_size=60))
def test_what_is_no_token_is_refused(token):
    assert RetryTokens().read(token, HERE, bytes(8), 5.0) is None


def test_a_token_is_for_one_address_one_port_one_id_one_process_and_half_a_minute():
    tokens = RetryTokens()
    token = tokens.make(HERE, bytes(8), b"chosen id", 5.0)
    assert tokens.read(token, HERE, b"chosen id", 35.0) == bytes(8)
    assert tokens.read(token, ("192.0.2.2", 443), b"chosen id", 6.0) is None
    assert tokens.read(token, ("192.0.2.1", 444), b"chosen id", 6.0) is None
    assert tokens.read(token, HERE, b"another id", 6.0) is None
    assert tokens.read(token, HERE, b"chosen id", 35.1) is None
    assert RetryTokens().read(token, HERE, b"chosen id", 6.0) is None


def test_two_tokens_of_one_moment_differ_by_their_id():
    tokens = RetryTokens()
    assert tokens.make(HERE, bytes(8), b"chosen 1", 5.0) != tokens.make(HERE, bytes(8), b"chosen 2", 5.0)


@given(st.sampled_from(VERSIONS), IDS, st.binary(max_size=20), IDS, st.binary(max_size=60))
def test_a_retry_packet_is_the_engines_own(version, destination, source, chosen, token):
    ours = retry(Initial(version, destination, source), chosen, token)
    assert ours == encode_quic_retry(version, chosen, source, destination, token)
