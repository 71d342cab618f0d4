"""The server's side of a SOCKS5 handshake, byte by byte (RFC 1928, RFC 1929)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.client.socks5.handshake import Handshake, reply
from node.core.socks5.wire import Login, Reply

ANN = Login(b"ann", b"secret")
V6 = bytes.fromhex("20010db8000000000000000000000001")

TARGETS = [
    ("0501 00", "0501 00 01 7f000001 1f90", "0500", ("127.0.0.1", 8080), None),
    ("0502 0200", "0501 00 03 07" + b"box.org".hex() + "0050", "0500", ("box.org", 80), None),
    ("0501 00", "0501 00 04" + V6.hex() + "ffff", "0500", ("2001:db8::1", 65535), None),
    ("0501 00", "0501 00 03 ff" + (b"a" * 255).hex() + "0000", "0500", ("a" * 255, 0), None),
    ("0502 0002 01 03" + b"ann".hex() + "06" + b"secret".hex(), "0501 00 01 7f000001 0001", "0502 0100",
     ("127.0.0.1", 1), ANN),
]  # fmt: skip
"""What a client says, greeting and request, what it is answered before the reply, and what it wants."""

REFUSED = [
    ("0500", "05ff", None),
    ("0501 02", "05ff", None),
    ("0503 010280", "05ff", None),
    ("0501 00", "05ff", ANN),
    ("0501 02 01 03" + b"ann".hex() + "06" + b"Secret".hex(), "0502 0101", ANN),
    ("0501 02 01 03" + b"bob".hex() + "06" + b"secret".hex(), "0502 0101", ANN),
    ("0501 02 01 00 00", "0502 0101", ANN),
    ("0501 02 05 03" + b"ann".hex() + "06" + b"secret".hex(), "0502", ANN),
    ("0401 0050 7f000001 00", "", None),
    ("4745 54202f20", "", None),
    ("0501 00 0502 00 01 7f000001 0050", "0500 0507000100000000 0000", None),
    ("0501 00 0503 00 01 7f000001 0050", "0500 0507000100000000 0000", None),
    ("0501 00 0500 00 01 7f000001 0050", "0500 0507000100000000 0000", None),
    ("0501 00 0501 00 02 7f000001 0050", "0500 0508000100000000 0000", None),
    ("0501 00 0401 00 01 7f000001 0050", "0500 0501000100000000 0000", None),
    ("0501 00 0501 01 01 7f000001 0050", "0500 0501000100000000 0000", None),
    ("0501 00 0501 00 03 00 0050", "0500 0501000100000000 0000", None),
    ("0501 00 0501 00 03 03 612062 0050", "0500 0501000100000000 0000", None),
    ("0501 00 0501 00 03 03 61ff62 0050", "0500 0501000100000000 0000", None),
]  # fmt: skip
"""What a client says, what it is answered, and the login of the server; nothing more is read then."""


@pytest.mark.parametrize(("greeting", "request_", "answer", "target", "login"), TARGETS)
@pytest.mark.parametrize("rest", [b"", b"GET /"])
def test_a_client_gets_to_its_target(
    greeting: str, request_: str, answer: str, target: tuple[str, int], login: Login | None, rest: bytes
) -> None:
    handshake = Handshake(login)
    assert handshake.receive(bytes.fromhex(greeting + request_) + rest) == bytes.fromhex(answer)
    assert (handshake.over, handshake.target, handshake.rest) == (True, target, rest)


@pytest.mark.parametrize(("said", "answer", "login"), REFUSED)
def test_a_client_is_refused(said: str, answer: str, login: Login | None) -> None:
    handshake = Handshake(login)
    assert handshake.receive(bytes.fromhex(said)) == bytes.fromhex(answer)
    assert (handshake.over, handshake.target) == (True, None)


def test_each_reply_is_ten_bytes_that_tell_no_address() -> None:
    assert reply(Reply.SUCCEEDED) == bytes.fromhex("05000001000000000000")
    assert reply(Reply.REFUSED) == bytes.fromhex("05050001000000000000")


@given(st.sampled_from([*TARGETS, *((said, "", answer, None, login) for said, answer, login in REFUSED)]), st.data())
def test_pieces_make_no_difference(case: tuple[str, str, str, object, Login | None], data: st.DataObject) -> None:
    greeting, request_, answer, target, login = case
    said = bytes.fromhex(greeting + request_)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(said)), max_size=8)) | {0, len(said)})
    handshake = Handshake(login)
    answers = [handshake.receive(said[start:end]) for start, end in itertools.pairwise(cuts)]
    assert b"".join(answers) == bytes.fromhex(answer)
    assert (handshake.over, handshake.target) == (True, target)


@given(st.binary(max_size=600), st.sampled_from([None, ANN]))
def test_whatever_comes_ends_in_a_target_an_answer_or_a_wait(said: bytes, login: Login | None) -> None:
    handshake = Handshake(login)
    handshake.receive(said)
    if handshake.target is not None:
        host, port = handshake.target
        assert host.isascii()
        assert host.isprintable()
        assert 1 <= len(host) <= 255
        assert 0 <= port <= 65_535
        assert handshake.over
        assert said.endswith(handshake.rest)
    if handshake.over:
        assert handshake.receive(b"\x05\x01\x00") == b""


def test_a_login_does_not_show_its_password() -> None:
    assert "secret" not in repr(ANN)


@pytest.mark.parametrize(("user", "password"), [(b"", b"x"), (b"x", b""), (b"x" * 256, b"x"), (b"x", b"x" * 256)])
def test_a_login_fits_its_length_bytes(user: bytes, password: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 255 bytes"):
        Login(user, password)
