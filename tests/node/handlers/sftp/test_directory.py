"""A directory as a back end: what is in a file, what it is called, and in which order, on real files."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.backend import DirectoryBackend
from tests.support.trees import NEW, NOTHING, READ, REFUSED, WRITE, content, names, opened, path, put


async def test_times_size_and_holes(root: Path, tree: DirectoryBackend) -> None:
    async with opened(tree, "file", NEW | READ) as file:
        await file.write(1 << 40, b"far")
        assert await file.read(5, 3) == bytes(3)
        assert (await file.attributes()).size == (1 << 40) + 3
        for offset in (1 << 63, 2**63 - 1, 2**63 - 3):
            assert await file.read(offset, 30) == b""
        for offset in (2**63 - 1, 2**64 - 1):
            with pytest.raises(REFUSED):
                await file.write(offset, b"xy")
        with pytest.raises(REFUSED):
            await file.change(Attributes(size=2**64 - 1))
        await file.sync()
        assert (await file.space()).max_name == 255
    assert (root / "file").stat().st_blocks * 512 < 1 << 20
    await tree.change(path("file"), Attributes(size=2, times=(1, 2)))
    told = await tree.stat(path("file"))
    assert (told.size, told.times) == (2, (1, 2))


async def test_appending_takes_no_notice_of_offsets(root: Path, tree: DirectoryBackend) -> None:
    await put(tree, "log", b"one")
    await put(tree, "log", b"two", WRITE | OpenFlags.APPEND)
    assert await content(tree, "log") == b"onetwo"


async def test_calls_on_a_file_take_effect_in_their_order_though_nobody_waits(
    root: Path, tree: DirectoryBackend
) -> None:
    async with opened(tree, "file", NEW | READ) as file:
        asked = [asyncio.ensure_future(file.write(0, b"%03d" % number)) for number in range(200)]
        asked.append(asyncio.ensure_future(file.change(Attributes(size=2))))
        last = asyncio.ensure_future(file.read(0, 10))
        await asyncio.gather(*asked, last)
    assert last.result() == b"19"


async def test_a_file_that_is_closed_at_once_has_all_that_was_written(root: Path, tree: DirectoryBackend) -> None:
    file = await tree.open(path("file"), NEW, NOTHING)
    writing = asyncio.ensure_future(file.write(0, b"all"))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(file.close())
    await asyncio.sleep(0)
    closing.cancel()  # which closes it all the same
    await writing
    with pytest.raises(ValueError, match="closed"):
        await file.write(0, b"x")
    assert (root / "file").read_bytes() == b"all"


async def test_names_are_told_in_pages(root: Path, tree: DirectoryBackend) -> None:
    wanted = {b"%03d\xff" % number for number in range(300)}
    for name in wanted:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).touch()
    listing = await tree.list(())
    pages = []
    while page := await listing.more():
        pages.append(page)
    await listing.close()
    assert {entry.filename for page in pages for entry in page} == wanted | {b".", b".."}
    assert max(map(len, pages)) <= 128
    first = next(entry for page in pages for entry in page if entry.filename == b"000\xff")
    assert first.longname.startswith(b"-rw-r--r--    1 ")
    assert first.longname.endswith(b" 000\xff")


async def test_a_line_of_a_listing_steers_no_terminal(root: Path, tree: DirectoryBackend) -> None:
    (root / "a\x1b[2Jb\n").touch()
    listing = await tree.list(())
    (entry,) = [entry for entry in await listing.more() if entry.filename not in (b".", b"..")]
    await listing.close()
    assert entry.filename == b"a\x1b[2Jb\n"
    assert entry.longname.endswith(b" a?[2Jb?")


async def test_renaming_takes_no_place_and_replacing_does(root: Path, tree: DirectoryBackend) -> None:
    await put(tree, "a", b"a")
    await put(tree, "b", b"b")
    await tree.make_directory(path("d"), NOTHING)
    (root / "link").symlink_to("a")
    for taken in ("b", "d", "link"):
        with pytest.raises(FileExistsError):
            await tree.rename(path("a"), path(taken))
    await tree.rename(path("a"), path("d/a"))
    await tree.rename(path("link"), path("moved"))
    await tree.rename(path("d"), path("e"))
    await tree.replace(path("b"), path("e/a"))
    assert await names(tree) == {b"e", b"moved"}
    assert await content(tree, "e/a") == b"b"
    assert (root / "moved").is_symlink()
    for act in (tree.remove(()), tree.remove_directory(()), tree.rename((), path("x")), tree.replace(path("e"), ())):
        with pytest.raises(REFUSED):
            await act
    with pytest.raises(IsADirectoryError):
        await tree.remove(path("e"))
    await tree.remove(path("e/a"))
    await tree.remove_directory(path("e"))


@pytest.mark.parametrize("fault", [errno.EAGAIN, errno.EOPNOTSUPP, None])
async def test_what_is_not_in_memory_is_read_on_a_thread(
    root: Path, tree: DirectoryBackend, monkeypatch: pytest.MonkeyPatch, fault: int | None
) -> None:
    """Some of it may be in memory: no client is told of a part as if it were all."""
    (root / "file").write_bytes(bytes(range(100)))

    def some(descriptor: int, buffers: list[bytearray], offset: int, _flags: int) -> int:
        if fault is not None:
            raise OSError(fault, "not now")
        return read(descriptor, [memoryview(buffers[0])[:10]], offset)

    read = os.preadv
    async with opened(tree, "file") as file:
        assert await file.read(90, 1000) == bytes(range(90, 100))
        monkeypatch.setattr(os, "preadv", some)
        assert await file.read(10, 50) == bytes(range(10, 60))
        assert await file.read(100, 50) == b""
