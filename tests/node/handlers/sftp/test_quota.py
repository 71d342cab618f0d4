"""What a bucket holds against its quota, whoever races whom."""

import asyncio
import contextlib
import errno
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.backend import DirectoryBackend
from node.handlers.sftp.directory.count import usage_below
from node.handlers.sftp.directory.ledger import Ledger
from node.handlers.sftp.directory.quota import Quota, Usage
from tests.support.trees import NEW, NOTHING, REFUSED, WRITE, names, opened, path, put


async def test_a_quota_of_bytes_is_kept(root: Path, threads: ThreadPoolExecutor) -> None:
    (root / "before").write_bytes(bytes(400))
    tree = DirectoryBackend(str(root), threads, Quota(size=1000))
    await put(tree, "a", bytes(500))
    for act in (put(tree, "b", bytes(101)), tree.change(path("a"), Attributes(size=601))):
        with pytest.raises(REFUSED) as refused:
            await act
        assert refused.value.errno == errno.EDQUOT
    async with opened(tree, "a", WRITE) as file:
        with pytest.raises(REFUSED):
            await file.write(1 << 50, b"x")
        await file.write(0, bytes(500))
    space = await tree.space(())
    assert (space.blocks, space.blocks_free) == (1000 // space.fragment_size, 100 // space.fragment_size)
    await tree.change(path("a"), Attributes(size=10))
    await put(tree, "b", bytes(590))
    await tree.remove(path("before"))
    await put(tree, "before", bytes(400))


async def test_removing_an_open_file_frees_nothing_before_it_is_closed(root: Path, threads: ThreadPoolExecutor) -> None:
    tree = DirectoryBackend(str(root), threads, Quota(size=1000))
    async with opened(tree, "a", NEW) as file:
        await file.write(0, bytes(900))
        await tree.remove(path("a"))
        with pytest.raises(REFUSED):
            await put(tree, "b", bytes(200))
    await put(tree, "b", bytes(1000))


async def test_a_quota_of_files_is_kept(root: Path, threads: ThreadPoolExecutor) -> None:
    tree = DirectoryBackend(str(root), threads, Quota(files=3))
    await put(tree, "a", b"")
    await put(tree, "a", b"")
    await tree.make_directory(path("d"), NOTHING)
    with pytest.raises(FileExistsError):
        await tree.make_directory(path("d"), NOTHING)
    await tree.link(path("a"), path("l"))
    for act in (
        put(tree, "b", b""),
        tree.make_directory(path("e"), NOTHING),
        tree.symlink(b"a", path("s")),
        tree.link(path("a"), path("m")),
    ):
        with pytest.raises(REFUSED) as refused:
            await act
        assert refused.value.errno == errno.EDQUOT
    await tree.rename(path("a"), path("b"))
    await tree.replace(path("b"), path("c"))
    await tree.remove_directory(path("d"))
    await tree.symlink(b"c", path("s"))
    assert await names(tree) == {b"c", b"l", b"s"}


async def holds_no_more_than(tree: DirectoryBackend, root: Path, size: int) -> None:
    """Nor less: what is left can be filled, and not one byte beyond."""
    left = size - sum(one.lstat().st_size for one in root.iterdir())
    await put(tree, "rest", bytes(left))
    with pytest.raises(REFUSED) as refused:
        await put(tree, "more", b"x")
    assert refused.value.errno == errno.EDQUOT


async def test_nothing_is_given_back_that_was_not_charged(root: Path, threads: ThreadPoolExecutor) -> None:
    tree = DirectoryBackend(str(root), threads, Quota(size=1000))
    await put(tree, "a", bytes(500))
    await tree.symlink(b"x" * 400, path("l"))
    await tree.remove(path("l"))
    await tree.make_directory(path("d"), NOTHING)
    await tree.remove_directory(path("d"))
    async with opened(tree, "a", WRITE | OpenFlags.APPEND) as file:
        await file.write(2**64 - 1, bytes(100))
    await tree.link(path("a"), path("b"))
    await tree.replace(path("b"), path("a"))
    await tree.remove(path("a"))
    assert (await tree.stat(path("b"))).size == 600
    await holds_no_more_than(tree, root, 1000)


async def test_a_file_that_two_write_and_cut_off_at_once_is_charged_as_long_as_it_is(
    root: Path, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cut comes between the charge and the write, if anything lets it."""
    tree = DirectoryBackend(str(root), threads, Quota(size=1000))
    begun, go = threading.Event(), threading.Event()
    write = os.pwrite

    def slow(*given: int) -> int:
        begun.set()
        go.wait(20)
        return write(*given)

    async with opened(tree, "a", NEW) as first, opened(tree, "a", WRITE) as second:
        monkeypatch.setattr(os, "pwrite", slow)
        writing = asyncio.ensure_future(first.write(0, bytes(900)))
        await asyncio.to_thread(begun.wait, 20)
        cutting = asyncio.ensure_future(second.change(Attributes(size=0)))
        await asyncio.wait((cutting,), timeout=0.1)
        go.set()
        await asyncio.gather(writing, cutting)
    await holds_no_more_than(tree, root, 1000)


async def test_two_names_of_a_file_that_are_removed_at_once_give_it_back_once(
    root: Path, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = DirectoryBackend(str(root), threads, Quota(size=1000))
    await put(tree, "a", bytes(900))
    await tree.link(path("a"), path("b"))
    both, unlink = threading.Barrier(2), os.unlink

    def together(*given: bytes, dir_fd: int) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.1)
        unlink(*given, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", together)
    await asyncio.gather(tree.remove(path("a")), tree.remove(path("b")))
    await holds_no_more_than(tree, root, 1000)


async def test_who_waits_until_all_is_counted_holds_up_nobody_else(
    root: Path, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, in_time = threading.Event(), []

    def slow(_: str) -> Usage:
        in_time.append(counted.wait(20))
        return Usage(0, 0)

    monkeypatch.setattr("node.handlers.sftp.directory.tree.usage_below", slow)
    bounded, free = DirectoryBackend(str(root), threads, Quota(files=8)), DirectoryBackend(str(root), threads)
    waiting = [asyncio.ensure_future(put(bounded, f"{number}", b"x")) for number in range(8)]
    waiting[0].cancel()
    await put(free, "free", b"x")
    counted.set()
    await asyncio.gather(*waiting[1:])
    assert in_time == [True]
    assert len(list(root.iterdir())) == 8


async def test_clients_that_do_anything_at_once_are_charged_for_what_there_is(
    root: Path, threads: ThreadPoolExecutor
) -> None:
    tree = DirectoryBackend(str(root), threads, Quota(size=10_000_000))
    some = [path(name) for name in ("a", "b", "d", "d/a", "d/d", "e")]

    async def client(seed: int) -> None:
        choice = random.Random(seed).choice
        for _ in range(60):
            with contextlib.suppress(OSError):
                await choice(acts)(choice(some), choice(some))

    async def write(one: tuple[bytes, ...], _: object) -> None:
        file = await tree.open(one, NEW, NOTHING)
        await file.write(1000, b"x")
        await file.close()

    acts = [
        write,
        lambda one, _: tree.remove(one),
        lambda one, _: tree.make_directory(one, NOTHING),
        lambda one, _: tree.remove_directory(one),
        lambda one, _: tree.symlink(b"a", one),
        lambda one, _: tree.change(one, Attributes(size=500)),
        tree.rename,
        tree.replace,
        tree.link,
    ]
    await asyncio.gather(*map(client, range(8)))
    assert tree.usage() == usage_below(str(root))


def test_what_is_removed_while_all_is_counted_is_given_back_once(tmp_path: Path) -> None:
    """A look that has not come to the file yet does not see it, and it has been given back already."""
    file, now = tmp_path / "file", [0.0]
    file.write_bytes(bytes(100))
    descriptor = os.open(file, os.O_PATH)

    def count() -> Usage:
        if now[0]:
            with ledger.one_less(descriptor):
                file.unlink()
        return Usage(100 if not now[0] else 0, 1)

    ledger = Ledger(Quota(size=100), count, lambda: now[0])
    assert ledger.usage() == Usage(100, 1)
    now[0] = 10_000.0
    assert ledger.usage().size == 0
    os.close(descriptor)
    (tmp_path / "other").touch()
    held = ledger.opened(str(tmp_path / "other"))
    ledger.grow(held, 100)
    with pytest.raises(OSError, match="quota"):
        ledger.grow(held, 101)


async def test_what_lies_too_deep_to_be_looked_at_stays_charged(root: Path, threads: ThreadPoolExecutor) -> None:
    """Directories get deeper than any path by being moved into each other."""
    for top in ("a", "b"):
        (root / "/".join([top] * 250)).mkdir(parents=True)
    (root / "/".join(["b"] * 250) / "file").write_bytes(bytes(900))
    tree = DirectoryBackend(str(root), threads)
    await tree.rename(path("b"), path("a/" * 250 + "b"))
    assert usage_below(str(root)) == Usage(900, 501)
    now = [0.0]
    counts = iter((Usage(900, 501), Usage(0, 2, unseen=1), Usage(0, 2)))
    ledger = Ledger(Quota(size=1000), lambda: next(counts), lambda: now[0])
    for charged in (900, 900, 0):
        assert ledger.usage().size == charged
        now[0] += 10_000
    await tree.rename(path("a/a"), path("up"))


def test_a_file_that_is_opened_after_its_last_name_is_gone_is_given_back_once(tmp_path: Path) -> None:
    """It was found while it had one."""
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_bytes(bytes(100))
    other.touch()
    ledger = Ledger(Quota(size=100), lambda: Usage(100, 2))
    assert ledger.usage() == Usage(100, 2)
    with file.open("r+b") as found:
        with ledger.one_less(found.fileno()):
            file.unlink()
            ledger.closed(ledger.opened(found.fileno()))
        held = ledger.opened(found.fileno())
        ledger.is_now(held, 0)
        ledger.closed(held)
    held = ledger.opened(str(other))
    ledger.grow(held, 100)
    with pytest.raises(OSError, match="quota"):
        ledger.grow(held, 101)
