"""Unix sockets by path: what is found is what the path leads to, and lies where it is said to lie."""

import contextlib
from pathlib import Path

import pytest

from node.handlers.ssh.forwarding.sockets import Found


def test_what_lies_at_no_path_is_not_found(tmp_path: Path) -> None:
    """Else it would be judged by the path that another file may have by now."""
    file = tmp_path / "a.sock"
    with file.open("w") as held:
        through = f"/proc/self/fd/{held.fileno()}"
        with contextlib.closing(Found(through)) as found:
            assert found.path == str(file)
        file.unlink()
        with pytest.raises(FileNotFoundError):
            Found(through)
        (tmp_path / "a.sock (deleted)").touch()
        with pytest.raises(OSError, match="at no path"):
            Found(through)
