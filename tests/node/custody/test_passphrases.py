"""A vault that a passphrase protects."""

from pathlib import Path

import pytest

from node.custody import protection
from node.custody.errors import CustodyError, PassphraseNeeded, PassphraseRefused, WrongPassphrase
from node.custody.key_file import usual_key_file
from node.custody.protection import ByKeyFile
from node.custody.record import PassphraseWrap
from node.vault import SecretString
from tests.support.custody import PASSPHRASE, WORDS, by_passphrase, contents, custody_at, made, phrase_in


@pytest.fixture
def at_full_cost(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases as strong as a real box has them."""
    monkeypatch.setattr(protection, "PassphraseWrap", PassphraseWrap)


@pytest.mark.usefixtures("at_full_cost")
def test_a_passphrase_protects_and_only_the_right_one_opens(data: Path) -> None:
    custody, record = made(data)
    assert custody.protect(by_passphrase()) is None
    assert not usual_key_file(record.box).exists()
    with pytest.raises(PassphraseNeeded):
        custody.open()
    with pytest.raises(WrongPassphrase):
        custody.open(SecretString("correct horse batterx"))
    assert phrase_in(custody, PASSPHRASE) == WORDS
    wrapping = custody.existing().wrapping
    assert isinstance(wrapping, PassphraseWrap)
    assert (wrapping.memory_kib, wrapping.iterations, wrapping.lanes) == (65536, 3, 4)


def test_one_passphrase_is_one_however_its_letters_are_put_together(data: Path) -> None:
    custody = custody_at(data)
    custody.make(contents(), by_passphrase("pässphräse"), shown=True)
    assert phrase_in(custody, "pa\u0308ssphra\u0308se") == WORDS


def test_a_wrong_passphrase_writes_nothing(data: Path) -> None:
    custody = custody_at(data)
    custody.make(contents(), by_passphrase(), shown=False)
    before = custody.paths.vault.read_bytes(), custody.paths.vault.stat().st_mtime_ns
    wrong = SecretString("not the passphrase")
    for change in (custody.mark_shown, lambda p: custody.protect(ByKeyFile(data), p)):
        with pytest.raises(WrongPassphrase):
            change(wrong)
    assert (custody.paths.vault.read_bytes(), custody.paths.vault.stat().st_mtime_ns) == before


@pytest.mark.parametrize("poor", ["", "short", "x" * 1025, "surrogate \ud800 in it"])
def test_a_poor_passphrase_is_refused_and_changes_nothing(data: Path, poor: str) -> None:
    custody, record = made(data)
    with pytest.raises(PassphraseRefused) as refused:
        custody.protect(by_passphrase(poor))
    assert poor[:6] not in str(refused.value) or poor == ""
    assert custody.existing() == record


def test_back_to_a_key_file(data: Path) -> None:
    custody = custody_at(data)
    record = custody.make(contents(), by_passphrase(), shown=False)
    custody.protect(ByKeyFile(data), SecretString(PASSPHRASE))
    assert usual_key_file(record.box).exists()
    assert phrase_in(custody) == WORDS


@pytest.mark.usefixtures("at_full_cost")
def test_a_machine_without_the_memory_for_a_passphrase_is_told_so(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Starved:
        def __init__(self, **_: object) -> None:
            pass

        def derive_into(self, *_: object) -> None:
            raise MemoryError

    custody = custody_at(data)
    custody.make(contents(), by_passphrase(), shown=True)
    monkeypatch.setattr("node.custody.sealing.Argon2id", Starved)
    with pytest.raises(CustodyError, match="64 MiB of memory"):
        custody.open(SecretString(PASSPHRASE))
