"""A vault that a file of its key protects: which files are taken, and which is never removed or overwritten."""

import os
from pathlib import Path

import pytest

from node.custody.errors import CustodyError, KeyUnavailable, WrongKey
from node.custody.key_file import usual_key_file
from node.custody.protection import ByCredential, ByKeyFile
from tests.support.custody import WORDS, by_passphrase, contents, custody_at, made, phrase_in


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


def test_no_home_is_told_with_the_way_out(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/none")
    with pytest.raises(KeyUnavailable, match=r"vault\.key_file"):
        made(data)
    assert custody_at(data).read() is None
