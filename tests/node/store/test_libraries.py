"""Two SQLite libraries in one process are found, whichever way the second one came."""

import subprocess
import sys
from pathlib import Path

import pytest

from node.store import libraries
from node.store.libraries import sqlite_libraries

CHILD = """
import ctypes, sqlite3, sys
import honker
from node.store.libraries import TwoSqliteLibraries, require_one_sqlite
for path in sys.argv[1:]:
    ctypes.CDLL(path)
try:
    require_one_sqlite()
except TwoSqliteLibraries as error:
    print(*error.paths, sep="\\n")
    assert all(path in str(error) for path in error.paths)
"""

linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")


def run(*loaded: Path) -> list[str]:
    """What a process with the node's libraries and these complains of."""
    command = [sys.executable, "-c", CHILD, *map(str, loaded)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.split()


def system_sqlite() -> Path:
    """The library that this Python uses; skips where it is built into Python itself."""
    import sqlite3  # noqa: F401 - maps the library

    shared = [Path(path) for path in sqlite_libraries() if Path(path).name.startswith("libsqlite3")]
    if not shared:
        pytest.skip("this Python holds its SQLite inside itself")
    return shared[0]


@linux
def test_the_nodes_own_libraries_share_one_copy() -> None:
    assert run() == []


@linux
def test_a_second_shared_library_is_named_beside_the_first(tmp_path: Path) -> None:
    first, second = system_sqlite(), tmp_path / "libsqlite3-bundled.so.0"
    second.write_bytes(first.read_bytes())
    assert run(second) == sorted([str(first), str(second)])


@linux
def test_a_copy_inside_another_module_is_found_by_its_content(tmp_path: Path) -> None:
    first, second = system_sqlite(), tmp_path / "apsw.cpython.so"
    second.write_bytes(first.read_bytes())
    assert run(second) == sorted([str(first), str(second)])


@linux
def test_one_file_under_two_names_is_one_library(tmp_path: Path) -> None:
    first, alias = system_sqlite(), tmp_path / "libsqlite3.so.0"
    alias.symlink_to(first)
    assert run(alias) == []


@linux
def test_a_library_whose_file_is_gone_still_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f00-7f01 r-xp 00000000 08:01 11 /usr/lib/libsqlite3.so.0.8.6\n"
        "7f01-7f02 r--p 00001000 08:01 11 /usr/lib/libsqlite3.so.0.8.6\n"
        "7f02-7f03 r-xp 00000000 08:01 12 /opt/wheel libs/libsqlite3-f2cd05de.so.0 (deleted)\n"
        "7f03-7f04 r--p 00000000 08:01 13 /home/me/libsqlite3.so.notes\n"
        "7f04-7f05 r-xp 00000000 00:00 0 [vdso]\n"
        "7f05-7f06 rwxp 00000000 00:00 0\n"
    )
    monkeypatch.setattr(libraries, "_MAPS", maps)
    assert sqlite_libraries() == ["/opt/wheel libs/libsqlite3-f2cd05de.so.0", "/usr/lib/libsqlite3.so.0.8.6"]


def test_without_proc_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_MAPS", tmp_path / "absent")
    libraries.require_one_sqlite()
