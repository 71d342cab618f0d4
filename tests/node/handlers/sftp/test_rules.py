"""Whose files are opened, of which kinds, and which permissions there are, on real files."""

import asyncio
import contextlib
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.backend import DirectoryBackend
from tests.support.trees import NEW, NOTHING, READ, REFUSED, WRITE, content, path, put


async def test_a_further_name_of_somebody_elses_file_is_not_opened(root: Path, tree: DirectoryBackend) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser can give files to others")
    os.chown(root.parent / "secret", 12345, 12345)
    os.link(root.parent / "secret", root / "linked")
    for act in (content(tree, "linked"), put(tree, "linked", b"!", WRITE), tree.link(path("linked"), path("more"))):
        with pytest.raises(PermissionError):
            await act
    with pytest.raises(PermissionError):
        await tree.change(path("linked"), Attributes(permissions=0o666))


async def test_own_files_have_further_names(root: Path, tree: DirectoryBackend) -> None:
    await put(tree, "one", b"x")
    await tree.link(path("one"), path("two"))
    await put(tree, "two", b"y", WRITE)
    assert await content(tree, "one") == b"y"
    with pytest.raises(FileExistsError):
        await tree.link(path("one"), path("two"))


@pytest.mark.parametrize("flags", [READ, WRITE, READ | WRITE, NEW])
async def test_what_is_no_file_is_not_opened_and_nobody_waits(
    root: Path, tree: DirectoryBackend, flags: OpenFlags
) -> None:
    os.mkfifo(root / "fifo")
    (root / "dir").mkdir()
    made = ["fifo", "dir"]
    if os.geteuid() == 0:
        with contextlib.suppress(PermissionError):
            os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            made.append("null")
    for name in made:
        with pytest.raises(REFUSED):
            async with asyncio.timeout(60):
                await tree.open(path(name), flags, NOTHING)


async def test_programs_that_run_as_somebody_else_are_neither_made_nor_written(
    root: Path, tree: DirectoryBackend
) -> None:
    file = await tree.open(path("made"), NEW, Attributes(permissions=0o6755))
    await file.change(Attributes(permissions=0o6755))
    await file.close()
    await tree.change(path("made"), Attributes(permissions=0o7711))
    await tree.make_directory(path("dir"), Attributes(permissions=0o7777))
    assert [stat.S_IMODE((root / name).stat().st_mode) & 0o7000 for name in ("made", "dir")] == [0, 0]
    assert stat.S_IMODE((root / "made").stat().st_mode) == 0o711
    (root / "program").write_bytes(b"#!")
    (root / "program").chmod(0o4755)
    with pytest.raises(PermissionError):
        await put(tree, "program", b"!", WRITE)
    with pytest.raises(PermissionError):
        await tree.change(path("program"), Attributes(size=0))
    assert (root / "program").read_bytes() == b"#!"


async def test_a_directory_keeps_who_may_remove_what_in_it(root: Path, tree: DirectoryBackend) -> None:
    (root / "shared").mkdir()
    (root / "shared").chmod(0o3770)
    await tree.change(path("shared"), Attributes(permissions=0o755))
    assert stat.S_IMODE((root / "shared").stat().st_mode) == 0o3755


async def test_the_mask_holds_for_what_is_made(root: Path, threads: ThreadPoolExecutor) -> None:
    tree = DirectoryBackend(str(root), threads, umask=0o027)
    before = os.umask(0)
    try:
        await put(tree, "file", b"")
        await tree.make_directory(path("dir"), Attributes(permissions=0o777))
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((root / "dir").stat().st_mode) == 0o750


async def test_files_are_given_to_nobody(root: Path, tree: DirectoryBackend) -> None:
    await put(tree, "file", b"x")
    owner = (await tree.stat(path("file"))).owner
    await tree.change(path("file"), Attributes(owner=owner))
    with pytest.raises(PermissionError):
        await tree.change(path("file"), Attributes(owner=(54321, 54321), size=0))
    assert await content(tree, "file") == b"x"


AS_NOBODY = """
import asyncio, os, sys
from concurrent.futures import ThreadPoolExecutor
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.backend import DirectoryBackend

async def main():
    with ThreadPoolExecutor(2) as threads:
        tree = DirectoryBackend(".", threads)
        file = await tree.open((b"mine",), OpenFlags.WRITE | OpenFlags.CREATE, Attributes())
        await file.write(0, b"x")
        await file.close()
        await tree.change((b"mine",), Attributes(permissions=0))
        for act in (tree.open((b"mine",), OpenFlags.READ, Attributes()), tree.list((b"closed",)),
                    tree.change((b"theirs",), Attributes(permissions=0o777)),
                    tree.open((b"theirs",), OpenFlags.WRITE, Attributes())):
            try:
                await act
            except PermissionError:
                print("refused")
        await tree.change((b"mine",), Attributes(permissions=0o600, times=(1, 1)))
        print((await tree.stat((b"mine",))).times)
        listing = await tree.list((b"half",))
        print([entry.filename for entry in await listing.more()])

os.chdir(sys.argv[1])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
asyncio.run(main())
"""


def test_without_being_the_superuser_permissions_of_the_file_system_hold(root: Path) -> None:
    """A file without any permission can still be given some by its owner: nothing needs to open it for that."""
    if os.geteuid() != 0:
        pytest.skip("needs to become somebody else")
    os.chown(root, 65534, 65534)
    (root / "closed").mkdir(mode=0o700)
    (root / "half").mkdir(mode=0o744)
    (root / "half" / "seen").touch()
    (root / "theirs").write_bytes(b"")
    (root / "theirs").chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[4],
    )
    assert (done.stdout, done.returncode) == ("refused\n" * 4 + "(1, 1)\n[b'.', b'..', b'seen']\n", 0), done.stderr
