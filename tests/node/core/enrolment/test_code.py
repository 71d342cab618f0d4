"""Codes are read as people spell them, and a wrong character is found out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.enrolment.code import CodeError, InviteCode, new_code, parse_code

KEY = f"ed25519:{7:064x}"
CODE = InviteCode("node.example.org:4433", KEY, bytes(range(16)))
TEXT = CODE.text()

codes = st.builds(
    InviteCode,
    st.sampled_from(["node.example.org:4433", "192.0.2.7:1", "[2001:db8::1]:65535"]),
    st.binary(min_size=32, max_size=32).map(lambda key: f"ed25519:{key.hex()}"),
    st.binary(min_size=16, max_size=16),
)


@given(codes, st.booleans(), st.sampled_from(["", " ", "\n", "-"]))
def test_a_code_is_read_in_any_spelling(code: InviteCode, lower: bool, between: str) -> None:
    place, _, digits = code.text().partition("/")
    spelled = f" {place}/{digits.replace('-', between)} "
    assert parse_code(spelled.lower() if lower else spelled.upper()) == code


def test_letters_that_look_like_digits_are_those_digits() -> None:
    place, _, digits = TEXT.partition("/")
    assert parse_code(f"{place}/{digits.replace('1', 'l').replace('0', 'O')}") == CODE


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz:/.-"))
def test_one_wrong_character_is_found_out(place: int, other: str) -> None:
    wrong = TEXT[:place] + other + TEXT[place + 1 :]
    try:
        assert parse_code(wrong) == CODE
    except CodeError as error:
        assert TEXT not in str(error)


@given(st.text(max_size=200))
def test_junk_is_refused(text: str) -> None:
    with pytest.raises(CodeError):
        parse_code(text)


def test_a_code_is_of_an_ed25519_key_and_a_place_that_can_be_dialled() -> None:
    for address, key in (
        ("node.example.org:0", KEY),
        ("", KEY),
        ("[fe80::1%eth0]:1", KEY),
        ("a:1", f"SHA256:{1:064x}"),
    ):
        with pytest.raises(CodeError):
            new_code(address, key)


def test_the_secret_is_fresh_and_shown_by_no_repr() -> None:
    one, other = (new_code("node.example.org:4433", KEY) for _ in range(2))
    assert one.secret != other.secret
    assert str(one.secret) not in repr(one)
    assert one.secret.hex() not in repr(one)
