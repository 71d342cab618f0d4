import threading
from pathlib import Path

import pytest

from node.secret_file import make_secret, read_or_make_secret, read_secret


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    secret = read_or_make_secret(path)

    assert read_or_make_secret(path) == read_secret(path) == secret
    assert len(secret) >= 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["key"], "nothing half-made is left"


def test_of_many_makers_all_get_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    gate = threading.Barrier(8)
    made: list[str] = []

    def make() -> None:
        gate.wait()
        made.append(make_secret(path))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [read_secret(path)] * 8


def test_no_file_is_no_secret(tmp_path: Path) -> None:
    assert read_secret(tmp_path / "key") is None


def test_a_file_of_anything_else_is_an_error_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(OSError, match="holds no secret of ours"):
        read_or_make_secret(tmp_path / "key")


def test_an_empty_file_is_not_used_as_a_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch()

    with pytest.raises(OSError, match="empty"):
        read_or_make_secret(path)
