"""The vault at rest: made, opened, restored, and never lost, half-written or spoilt unnoticed."""

import errno
import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from node.custody import custody as module
from node.custody.errors import CustodyBusy, KeyUnavailable, NoVault, VaultExists, VaultFileError, WrongKey
from node.custody.key_file import usual_key_file
from node.custody.protection import ByKeyFile
from tests.support.custody import IDENTITY, OTHER_WORDS, WORDS, by_passphrase, contents, custody_at, made, phrase_in


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
