import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.vault import PATHS, InvalidPath, device_path, encryption_path_for_version, parse_derivation_path
from node.vault.paths import MAX_DEPTH, DerivationPath

HARD = 2**31


@pytest.mark.parametrize(
    ("text", "indices", "canonical"),
    [
        ("m", (), "m"),
        ("m/0", (0,), "m/0"),
        ("m/0'", (HARD,), "m/0'"),
        ("m/0h", (HARD,), "m/0'"),
        ("m/2147483647'", (2**32 - 1,), "m/2147483647'"),
        ("m/2147483647", (HARD - 1,), "m/2147483647"),
        ("m/44'/60h/0'/0/7", (HARD + 44, HARD + 60, HARD, 0, 7), "m/44'/60'/0'/0/7"),
        (PATHS.IDENTITY, (HARD + 74, HARD, HARD, HARD), PATHS.IDENTITY),
    ],
)
def test_paths_that_are_read(text: str, indices: tuple[int, ...], canonical: str) -> None:
    path = parse_derivation_path(text)
    assert path.indices == indices
    assert str(path) == canonical
    assert path.is_hardened == all(index >= HARD for index in indices)


WRONG = (
    "|M|/|0'|/0'|74'/0'|m/|m//0'|m/0'/|mx/0'|mfoo/0'|m0'|m/m/0'|m/'|m/h|m\\0'|m.0|m/+5|m/-1|m/-0'|m/0/-1|m/0\u2019"
    "|m/ 0'| m/0'|m/0' |m/0'\n|m\n|\nm|m/0 '|m/0'\0|m/0''|m/0'h|m/0hh|m/0h'|m/0H|m/\u0663'|m/\u00b2'|m/00|m/00'|m/01'"
    "|m/0x1|m/1_0|m/1.0|m/1e3|m/2147483648'|m/2147483648|m/4294967295|m/99999999999999999999'"
)
TOO_LONG = ("m/" + "1" * 5000, "m" + "/0'" * (MAX_DEPTH + 1), "m" + "/0'" * 100_000)


@pytest.mark.parametrize("text", [*WRONG.split("|"), *TOO_LONG], ids=lambda text: ascii(text[:20]))
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidPath) as refused:
        parse_derivation_path(text)
    assert len(text) < 10 or text not in str(refused.value)


@pytest.mark.parametrize("value", [None, 0, b"m", ["m"], True])
def test_what_is_no_text_is_no_path(value: str) -> None:
    with pytest.raises(InvalidPath):
        parse_derivation_path(value)


def test_the_deepest_path() -> None:
    text = "m" + "/2147483647'" * MAX_DEPTH
    assert str(parse_derivation_path(text)) == text


@given(st.lists(st.integers(0, 2**32 - 1), max_size=MAX_DEPTH).map(tuple))
def test_every_path_is_read_back_from_its_text(indices: tuple[int, ...]) -> None:
    text = str(DerivationPath(indices))
    assert parse_derivation_path(text).indices == indices
    assert parse_derivation_path(text.replace("'", "h")).indices == indices


@given(st.one_of(st.text(), st.text("m/0123456789'h+- \n", max_size=40), st.from_regex(r"m(/[0-9]{1,11}['hH]?)*")))
def test_the_reader_takes_what_the_grammar_takes(text: str) -> None:
    # The grammar of the specification, as written there, with the bound of 2^31 checked number by number.
    fits = re.compile(r"m(/(0|[1-9][0-9]*)('|h)?)*\Z").match(text) is not None
    fits = fits and all(int(number) < HARD for number in re.findall(r"[0-9]+", text)) and text.count("/") <= MAX_DEPTH
    if fits:
        assert str(parse_derivation_path(text)) == text.replace("h", "'")
    else:
        with pytest.raises(InvalidPath):
            parse_derivation_path(text)


def test_the_paths_in_use_are_the_frozen_ones() -> None:
    assert PATHS.IDENTITY == "m/74'/0'/0'/0'"
    assert PATHS.DEVICE_PREFIX == "m/74'/0'/0'"
    assert PATHS.SSH_HOST == "m/74'/0'/1'/0'"
    assert PATHS.ENCRYPTION == "m/74'/2'/0'/0'"
    assert PATHS.ETHEREUM == "m/44'/60'/0'/0/0"


def test_device_zero_is_the_node_itself() -> None:
    assert device_path(0) == PATHS.IDENTITY
    assert device_path(1) == "m/74'/0'/0'/1'"
    assert device_path(HARD - 1) == "m/74'/0'/0'/2147483647'"


@pytest.mark.parametrize("number", [-1, HARD, 2**40, True, 1.0, "1", None])
def test_other_device_numbers_are_refused(number: int) -> None:
    with pytest.raises(InvalidPath):
        device_path(number)


@pytest.mark.parametrize(
    ("version", "path"),
    [(2, PATHS.ENCRYPTION), (3, "m/74'/2'/0'/1'"), (4, "m/74'/2'/0'/2'"), (2**31 + 1, "m/74'/2'/0'/2147483647'")],
)
def test_each_version_has_its_path(version: int, path: str) -> None:
    assert encryption_path_for_version(version) == path
    assert str(parse_derivation_path(path)) == path


@pytest.mark.parametrize("version", [-1, 0, 1, 2**31 + 2, 2**32, True, 2.0, 3.5, "2", None])
def test_other_versions_have_none(version: int) -> None:
    encryption_path_for_version(2)  # 2.0 == 2: what is remembered for one must not serve the other
    with pytest.raises(InvalidPath):
        encryption_path_for_version(version)
