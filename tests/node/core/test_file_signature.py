from pathlib import Path

import pytest

from node.core.file_signature import file_signature


def test_a_file_that_is_as_it_was_keeps_its_signature(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a")
    assert file_signature(path) == file_signature(path) is not None


def test_each_kind_of_change_is_another_signature(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_text("a")
    link.symlink_to(path)
    seen = {file_signature(link)}
    path.write_text("ab")
    seen.add(file_signature(link))
    path.chmod(0o600)
    seen.add(file_signature(link))
    (tmp_path / "other").write_text("ab")
    (tmp_path / "other").replace(path)
    seen.add(file_signature(link))
    assert len(seen) == 4
    assert None not in seen


@pytest.mark.parametrize("path", [None, Path("no/such/file"), Path("a\0b")])
def test_what_is_no_file_has_none(path: Path | None) -> None:
    assert file_signature(path) is None
