import os
from pathlib import Path

import pytest

from node import private_file
from node.private_file import create_private, private_directory, remove_unfinished, replace_private


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fresh" / "secrets"


@pytest.mark.parametrize("write", [create_private, replace_private])
def test_file_and_directory_are_for_their_owner_only(write, folder: Path) -> None:
    previous = os.umask(0)
    try:
        write(folder / "key", b"secret")
    finally:
        os.umask(previous)
    assert (folder / "key").read_bytes() == b"secret"
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(folder) == ["key"]


def test_a_replaced_file_has_the_new_content_and_mode(folder: Path) -> None:
    private_directory(folder)
    (folder / "key").write_bytes(b"old, and longer than the new")
    (folder / "key").chmod(0o644)
    replace_private(folder / "key", b"new")
    assert (folder / "key").read_bytes() == b"new"
    assert (folder / "key").stat().st_mode & 0o777 == 0o600


def test_a_file_that_exists_is_never_overwritten(folder: Path) -> None:
    create_private(folder / "key", b"first")
    create_private(folder / "key", b"second")
    assert (folder / "key").read_bytes() == b"first"
    assert os.listdir(folder) == ["key"]


def test_a_link_that_leads_nowhere_is_not_taken_for_a_file_that_exists(folder: Path) -> None:
    private_directory(folder)
    (folder / "key").symlink_to(folder / "gone")
    with pytest.raises(FileExistsError):
        create_private(folder / "key", b"secret")
    assert os.listdir(folder) == ["key"]


@pytest.mark.parametrize("write", [create_private, replace_private])
def test_a_failed_write_leaves_nothing(write, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    create_private(folder / "other", b"x")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(folder / "key", b"secret")
    assert os.listdir(folder) == ["other"]


def test_directories_outlast_a_power_cut_before_anything_is_put_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[Path, list[str]]] = []
    monkeypatch.setattr(private_file, "sync_directory", lambda path: synced.append((path, os.listdir(path))))
    private_directory(folder)
    assert synced == [(folder.parent.parent, ["fresh"]), (folder.parent, ["secrets"])]
    synced.clear()
    private_directory(folder)
    assert synced == []


def test_what_a_killed_process_left_is_taken_away_and_nothing_else(folder: Path) -> None:
    private_directory(folder)
    others = ["key", "key.0123456789abcdef", ".key.old", ".key.0123456789abcdef0", ".[k]ey.0123456789abcdef"]
    for name in [*others, ".key.0123456789abcdef"]:
        (folder / name).write_bytes(b"secret")
    remove_unfinished(folder / "key")
    assert sorted(os.listdir(folder)) == sorted(others)
