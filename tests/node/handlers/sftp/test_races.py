"""A bucket whose names others swap while it is used, and what is open when its user is gone."""

import asyncio
import contextlib
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.directory.backend import DirectoryBackend
from tests.support.trees import NOTHING, READ, REFUSED, SECRET, WAYS, WRITE, content, names, path, put

RACE = """
import os, sys
root = sys.argv[1]
os.chdir(root)
os.mkdir("dir.real"); open("dir.real/secret", "w").write("inside")
open("file.real", "w").write("inside")
os.symlink("../out", "dir.link"); os.symlink("../secret", "file.link")
print("ready", flush=True)
while True:
    for name in ("dir", "file"):
        os.rename(name + ".real", name); os.rename(name, name + ".real")
        os.rename(name + ".link", name); os.rename(name, name + ".link")
"""


async def test_a_directory_that_is_moved_away_while_it_is_used_leads_nowhere_else(
    root: Path, tree: DirectoryBackend
) -> None:
    """A way up is walked anew from the top, never asked of a directory that is somewhere else by now."""
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "up").symlink_to("../../secret")
    (root / "a" / "b").rename(root.parent / "out" / "b")
    (root / "a" / "b").symlink_to("../../out/b")
    with pytest.raises(REFUSED):
        await content(tree, "a/b/up")


async def test_a_second_writer_who_swaps_names_all_the_time_leads_nobody_out(
    root: Path, tree: DirectoryBackend
) -> None:
    """The racing process puts a file and a link out under the same name in turn, thousands of times a second."""
    racer = subprocess.Popen([sys.executable, "-c", RACE, str(root)], stdout=subprocess.PIPE)
    try:
        assert racer.stdout is not None
        await asyncio.to_thread(racer.stdout.readline)
        seen: set[bytes] = set()
        for number in range(400):
            for act in (
                content(tree, "dir/secret"),
                content(tree, "file"),
                put(tree, "file", b"inside", WRITE),
                put(tree, "dir/secret", b"inside", WRITE),
                put(tree, f"dir/new{number}", b"x"),
                tree.change(path("file"), Attributes(permissions=0o640)),
                tree.change(path("dir/secret"), Attributes(permissions=0o640)),
                tree.link(path("file"), path(f"linked{number}")),
            ):
                with contextlib.suppress(OSError):
                    seen |= {got} if (got := await act) is not None else set()
    finally:
        racer.kill()
        racer.communicate()
    assert seen <= {b"inside", b""}
    outside = root.parent
    assert sorted(one.name for one in (outside / "out").iterdir()) == ["secret"]
    for file in (outside / "secret", outside / "out" / "secret"):
        assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (SECRET, 0o644)
    linked = [one for one in root.iterdir() if one.name.startswith("linked")]
    assert all(one.lstat().st_ino != (outside / "secret").stat().st_ino for one in linked)


async def test_no_descriptor_stays_open(planted: Path, tree: DirectoryBackend) -> None:
    await names(tree)
    before = len(os.listdir("/proc/self/fd"))
    for way in WAYS:
        for act in (content(tree, way), tree.list(path(way)), tree.rename(path(way), path("inner"))):
            with contextlib.suppress(OSError):
                got = await act
                if got is not None and not isinstance(got, bytes):
                    await got.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_what_was_opened_for_somebody_who_is_gone_is_closed(
    root: Path, tree: DirectoryBackend, threads: ThreadPoolExecutor
) -> None:
    (root / "file").touch()
    held = threading.Event()
    for _ in range(4):
        threads.submit(held.wait, 20)
    before = len(os.listdir("/proc/self/fd"))
    asking = asyncio.ensure_future(tree.open(path("file"), READ, NOTHING))
    await asyncio.sleep(0)
    asking.cancel()
    held.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await tree.stat(path("file"))
    for _ in range(100):
        await asyncio.sleep(0.01)
        if len(os.listdir("/proc/self/fd")) == before:
            break
    assert len(os.listdir("/proc/self/fd")) == before
