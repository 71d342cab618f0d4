"""The vault at rest: made, opened, protected otherwise, restored, and never lost or half-written."""

import errno
import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from node.custody import custody as module
from node.custody import protection
from node.custody.errors import (
    CustodyBusy,
    CustodyError,
    KeyUnavailable,
    NoVault,
    PassphraseNeeded,
    PassphraseRefused,
    VaultExists,
    VaultFileError,
    WrongKey,
    WrongPassphrase,
)
from node.custody.key_file import usual_key_file
from node.custody.protection import ByCredential, ByKeyFile
from node.custody.record import PassphraseWrap
from node.vault import SecretString
from tests.support.custody import (
    IDENTITY,
    OTHER_WORDS,
    PASSPHRASE,
    WORDS,
    by_passphrase,
    contents,
    custody_at,
    made,
    phrase_in,
)


def test_a_made_vault_opens_by_its_key_file_and_shows_nothing(data: Path) -> None:
    custody, record = made(data)
    assert record.identity == IDENTITY
    assert phrase_in(custody) == WORDS
    key_file = usual_key_file(record.box)
    assert not key_file.is_relative_to(data)
    for path in (custody.paths.vault, key_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = custody.paths.vault.read_text()
    assert "abandon" not in text
    assert json.loads(text)["version"] == 1


def test_the_bip39_passphrase_is_kept_and_makes_another_identity(data: Path) -> None:
    custody = custody_at(data)
    record = custody.make(contents(bip39_passphrase="TREZOR"), ByKeyFile(data), shown=True)
    assert record.identity != IDENTITY
    with custody.open() as opened:
        assert opened.bip39_passphrase is not None
        assert opened.bip39_passphrase.reveal() == "TREZOR"
        assert "TREZOR" not in repr(opened)


def test_the_length_of_the_file_tells_nothing_of_the_words(data: Path, tmp_path: Path) -> None:
    custody, _ = made(data)
    other, _ = made(tmp_path / "other", OTHER_WORDS)
    lengths = {len(one.existing().sealed) for one in (custody, other)}
    assert len(lengths) == 1


def test_a_vault_is_never_made_over_another(data: Path) -> None:
    custody, record = made(data)
    with pytest.raises(VaultExists):
        custody.make(contents(OTHER_WORDS), ByKeyFile(data), shown=False)
    assert custody.existing() == record


def make_in_child(data: Path, results: Any) -> None:
    try:
        results.put(made(data)[1].box)
    except VaultExists:
        results.put(None)


def test_of_two_first_starts_at_once_one_makes_it(data: Path) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    children = [context.Process(target=make_in_child, args=(data, results)) for _ in range(4)]
    for child in children:
        child.start()
    boxes = {results.get(timeout=30) for _ in children}
    for child in children:
        child.join()
    assert boxes == {custody_at(data).existing().box, None}
    assert phrase_in(custody_at(data)) == WORDS


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


def test_a_named_key_file_is_found_again_and_left_when_it_opens_no_more(data: Path, tmp_path: Path) -> None:
    named = tmp_path / "keys" / "box.key"
    custody = custody_at(data)
    custody.make(contents(), ByKeyFile(data, named), shown=False)
    assert phrase_in(custody) == WORDS
    moved = tmp_path / "moved.key"
    named.rename(moved)
    with pytest.raises(KeyUnavailable, match="there is no such key file"):
        custody.open()
    assert phrase_in(custody_at(data, moved)) == WORDS
    moved.rename(named)
    assert custody.protect(by_passphrase()) == named
    assert named.exists()


def test_a_vault_that_cannot_be_written_leaves_no_key_behind(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    boxes = usual_key_file("0" * 32).parent
    with monkeypatch.context() as patched:
        write = module.create_private

        def fail_for_the_vault(path: Path, content: bytes) -> None:
            if path == custody_at(data).paths.vault:
                patched.setattr(os, "fsync", full)
            write(path, content)

        patched.setattr(module, "create_private", fail_for_the_vault)
        with pytest.raises(VaultFileError, match="No space left"):
            made(data)
    assert not custody_at(data).paths.vault.exists()
    assert os.listdir(boxes) == []
    assert phrase_in(made(data)[0]) == WORDS


def test_a_vault_that_may_have_been_written_keeps_its_key(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = module.create_private

    def write_and_fail(path: Path, content: bytes) -> None:
        write(path, content)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(module, "create_private", write_and_fail)
        with pytest.raises(VaultFileError):
            made(data)
    assert phrase_in(custody_at(data)) == WORDS


def test_no_copy_of_a_key_file_outlives_it(data: Path) -> None:
    """One is there where a process was killed between the two names of the file that it made."""
    custody, record = made(data)
    usual = usual_key_file(record.box)
    usual.with_name(f".{usual.name}.{'0' * 16}").hardlink_to(usual)
    other, other_record = made(data.with_name("other"))
    custody.protect(by_passphrase())
    assert os.listdir(usual.parent) == [usual_key_file(other_record.box).name]
    assert phrase_in(other) == WORDS


def respelled(key_file: Path, elsewhere: Path, how: str) -> Path:
    """Another name of the same file."""
    if how == "dots":
        return key_file.parent / ".." / key_file.parent.name / key_file.name
    other = elsewhere / "other.key"
    if how == "hard link":
        other.hardlink_to(key_file)
    else:
        other.symlink_to(key_file)
    return other


@pytest.mark.parametrize("how", ["dots", "link", "hard link"])
@pytest.mark.parametrize("kind", [ByKeyFile, ByCredential])
def test_the_only_key_is_never_removed_for_being_named_in_another_way(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, kind: type
) -> None:
    custody, record = made(data)
    usual = usual_key_file(record.box)
    other = respelled(usual, tmp_path, how)
    custody.protect(ByKeyFile(data, other) if kind is ByKeyFile else ByCredential(other))
    assert usual.exists()
    handed_over = tmp_path / "alknet-vault-key"
    handed_over.symlink_to(other)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert phrase_in(custody) == WORDS


def test_a_key_file_whose_name_is_no_text_is_refused_before_anything_depends_on_it(data: Path, tmp_path: Path) -> None:
    custody, _ = made(data)
    before = custody.paths.vault.read_bytes()
    with pytest.raises(KeyUnavailable, match="no text"):
        custody.protect(ByKeyFile(data, tmp_path / os.fsdecode(b"box-\xff.key")))
    assert custody.paths.vault.read_bytes() == before
    assert phrase_in(custody) == WORDS


def test_a_key_file_that_the_settings_overrule_is_refused(data: Path, tmp_path: Path) -> None:
    named, other = tmp_path / "named.key", tmp_path / "other.key"
    custody = custody_at(data, named)
    for change in (
        lambda: custody.make(contents(), ByKeyFile(data, other), shown=False),
        lambda: custody.make(contents(), ByKeyFile(data), shown=False),
    ):
        with pytest.raises(KeyUnavailable, match="the settings name another key file"):
            change()
    assert custody.read() is None
    custody.make(contents(), ByKeyFile(data, named), shown=False)
    with pytest.raises(KeyUnavailable, match="take that out of them first"):
        custody.protect(ByKeyFile(data, other))
    with pytest.raises(KeyUnavailable, match="take that out of them first"):
        custody.restore(contents(), ByKeyFile(data, other))
    assert not other.exists()
    assert phrase_in(custody) == WORDS


def test_a_key_file_in_use_elsewhere_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    named = tmp_path / "box.key"
    named.write_bytes(b"k" * 40)
    named.chmod(0o600)
    custody_at(data).make(contents(), ByKeyFile(data, named), shown=False)
    assert named.read_bytes() == b"k" * 40


@pytest.mark.parametrize("link", [False, True])
def test_a_key_file_within_the_data_directory_is_refused(data: Path, tmp_path: Path, link: bool) -> None:
    inside = data / "box.key"
    if link:
        (tmp_path / "elsewhere").symlink_to(data)
        inside = tmp_path / "elsewhere" / "box.key"
    with pytest.raises(KeyUnavailable, match="must not lie within the data directory"):
        custody_at(data).make(contents(), ByKeyFile(data, inside), shown=False)
    assert list(data.iterdir()) == [data / "secrets"]
    assert list((data / "secrets").iterdir()) == []


def test_a_key_file_that_was_moved_into_the_data_directory_opens_nothing(data: Path) -> None:
    _, record = made(data)
    inside = usual_key_file(record.box).rename(data / "box.key")
    with pytest.raises(KeyUnavailable, match="must not lie within the data directory"):
        custody_at(data, inside).open()


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


def test_a_key_file_that_others_may_read_opens_nothing(data: Path) -> None:
    custody, record = made(data)
    usual_key_file(record.box).chmod(0o640)
    with pytest.raises(KeyUnavailable, match="may be read by others"):
        custody.open()


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", KeyUnavailable), (b"x" * 31, KeyUnavailable), (b"x" * 5000, KeyUnavailable), (b"x" * 32, WrongKey)],
)
def test_another_key_file_opens_nothing(data: Path, content: bytes, error: type[CustodyError]) -> None:
    custody, record = made(data)
    usual_key_file(record.box).write_bytes(content)
    with pytest.raises(error):
        custody.open()


def test_a_line_end_more_or_less_is_no_other_key(data: Path) -> None:
    custody, record = made(data)
    key_file = usual_key_file(record.box)
    key_file.write_bytes(key_file.read_bytes().rstrip() + b"\r\n")
    assert phrase_in(custody) == WORDS


def test_a_credential_of_the_service_manager(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials" / "alknet-vault-key"
    file.parent.mkdir()
    file.write_bytes(os.urandom(64))
    file.chmod(0o400)
    custody, record = made(data)
    custody.protect(ByCredential(file))
    assert not usual_key_file(record.box).exists()
    with pytest.raises(KeyUnavailable, match="LoadCredential=alknet-vault-key"):
        custody.open()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(file.parent))
    assert phrase_in(custody) == WORDS
    file.chmod(0o440)  # as one looks to which an access control list lets one user
    assert phrase_in(custody) == WORDS
    file.chmod(0o444)
    with pytest.raises(KeyUnavailable, match="may be read by others"):
        custody.open()


@pytest.mark.parametrize("field", ["box", "created_at", "identity", "words_shown_at", "wrapping", "nonce", "sealed"])
def test_a_changed_file_is_found_out(data: Path, field: str) -> None:
    custody, _ = made(data)
    other, _ = made(data.with_name("other"), OTHER_WORDS)
    tree, foreign = (json.loads(one.paths.vault.read_text()) for one in (custody, other))
    foreign |= {"words_shown_at": 7, "created_at": 7}
    if field == "box":  # the key file of the old name still serves
        foreign["wrapping"]["path"] = tree["wrapping"]["path"]
        os.link(usual_key_file(tree["box"]), usual_key_file(foreign["box"]).with_name("x"))
        usual_key_file(foreign["box"]).with_name("x").replace(usual_key_file(foreign["box"]))
    tree[field] = foreign[field]
    custody.paths.vault.write_text(json.dumps(tree))
    with pytest.raises(WrongKey):
        custody.open()


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "not a JSON object"), (b"{" * 9000, "not a JSON object"), (b"x" * 20_000, "is too long")],
)
def test_a_spoilt_file_is_told_and_kept(data: Path, content: bytes, told: str) -> None:
    custody, _ = made(data)
    custody.paths.vault.write_bytes(content)
    for attempt in (
        custody.read,
        custody.open,
        lambda: custody.make(contents(), ByKeyFile(data), shown=True),
        lambda: custody.restore(contents(), ByKeyFile(data)),
    ):
        with pytest.raises(VaultFileError, match=told):
            attempt()
    assert custody.paths.vault.read_bytes() == content


def test_a_vault_file_that_others_may_read_is_refused(data: Path) -> None:
    custody, _ = made(data)
    custody.paths.vault.chmod(0o644)
    with pytest.raises(VaultFileError, match="0644"):
        custody.open()


def test_the_same_words_protect_a_copy_anew_and_others_do_not(data: Path) -> None:
    custody, record = made(data)
    usual_key_file(record.box).unlink()
    with pytest.raises(VaultExists, match="other words"):
        custody.restore(contents(OTHER_WORDS), ByKeyFile(data))
    with pytest.raises(VaultExists, match="other words"):
        custody.restore(contents(bip39_passphrase="x"), ByKeyFile(data))
    with pytest.raises(KeyUnavailable):
        custody.open()
    restored = custody.restore(contents(), ByKeyFile(data))
    assert (restored.box, restored.identity) == (record.box, record.identity)
    assert restored.words_shown_at is not None
    assert phrase_in(custody) == WORDS


def test_without_a_vault_there_is_nothing_to_open(data: Path) -> None:
    custody = custody_at(data)
    assert custody.read() is None
    for attempt in (custody.open, custody.existing, lambda: custody.protect(by_passphrase())):
        with pytest.raises(NoVault):
            attempt()


def test_who_holds_the_lock_is_waited_for_but_not_for_ever(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.1)
    custody, _ = made(data)
    with custody.locked(), pytest.raises(CustodyBusy):
        custody.protect(by_passphrase())


def test_no_home_is_told_with_the_way_out(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/none")
    with pytest.raises(KeyUnavailable, match=r"vault\.key_file"):
        made(data)
    assert custody_at(data).read() is None
