"""A directory as a tree that nothing leads out of: links, names, races, quotas and permissions, on real files."""

import asyncio
import contextlib
import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.handlers.sftp.backend import OpenFile
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.backend import DirectoryBackend
from node.handlers.sftp.directory.ledger import Quota
from node.handlers.sftp.directory.walk import MAX_DEPTH

READ, WRITE = OpenFlags.READ, OpenFlags.WRITE
NEW = WRITE | OpenFlags.CREATE | OpenFlags.TRUNCATE
NOTHING = Attributes()
SECRET = b"outside"
REFUSED = OSError
"""By the file system, or by us in its stead."""


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Beside it is what nobody may reach, under the name that every attack tries."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_bytes(SECRET)
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def tree(root: Path, threads: ThreadPoolExecutor) -> DirectoryBackend:
    return DirectoryBackend(str(root), threads)


def path(text: str) -> tuple[bytes, ...]:
    return tuple(os.fsencode(name) for name in text.split("/") if name)


@contextlib.asynccontextmanager
async def opened(tree: DirectoryBackend, name: str, flags: OpenFlags = READ) -> AsyncIterator[OpenFile]:
    file = await tree.open(path(name), flags, NOTHING)
    try:
        yield file
    finally:
        await file.close()


async def content(tree: DirectoryBackend, name: str) -> bytes:
    async with opened(tree, name) as file:
        return await file.read(0, 1000)


async def put(tree: DirectoryBackend, name: str, data: bytes, flags: OpenFlags = NEW) -> None:
    async with opened(tree, name, flags) as file:
        await file.write(0, data)


async def names(tree: DirectoryBackend, name: str = "") -> set[bytes]:
    listing = await tree.list(path(name))
    found: set[bytes] = set()
    while page := await listing.more():
        found |= {entry.filename for entry in page}
    await listing.close()
    return found - {b".", b".."}


LINKS = {
    "absolute": "{outside}/secret",
    "up": "../secret",
    "far_up": "../../../../../../../../../../etc/passwd",
    "round": "inner/../../secret",
    "through": "dir_out/secret",
    "dir_out": "../out",
    "dir_absolute": "{outside}/out",
    "root": "/",
    "chain": "up",
    "proc": "/proc/self/exe",
}
WAYS = [*LINKS, "dir_out/secret", "dir_absolute/secret", "inner/back/secret", "inner/back/../secret"]


@pytest.fixture
def planted(root: Path) -> Path:
    """Links out, as somebody plants them who can write to the directory by other means."""
    (root / "inner").mkdir()
    for name, target in LINKS.items():
        (root / name).symlink_to(target.format(outside=root.parent))
    (root / "inner" / "back").symlink_to("../../out")
    return root


@pytest.mark.parametrize("way", WAYS)
async def test_no_link_leads_out(planted: Path, tree: DirectoryBackend, way: str) -> None:
    for act in (
        content(tree, way),
        put(tree, way, b"!", WRITE),
        put(tree, way, b"!", WRITE | OpenFlags.TRUNCATE),
        tree.change(path(way), Attributes(permissions=0o777, size=0)),
        tree.list(path(way + "/x")),
    ):
        if way == "root":  # which is the root of the tree, a directory
            act.close()
            continue
        with pytest.raises(REFUSED):
            await act
    for file in (planted.parent / "secret", planted.parent / "out" / "secret"):
        assert file.read_bytes() == SECRET
        assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize("way", ["dir_out", "dir_absolute", "inner/back"])
async def test_nothing_is_made_removed_or_moved_through_a_link_out(
    planted: Path, tree: DirectoryBackend, way: str
) -> None:
    await put(tree, "mine", b"mine")
    for act in (
        put(tree, f"{way}/new", b"!"),
        tree.make_directory(path(f"{way}/new"), NOTHING),
        tree.remove(path(f"{way}/secret")),
        tree.rename(path(f"{way}/secret"), path("got")),
        tree.rename(path("mine"), path(f"{way}/new")),
        tree.replace(path("mine"), path(f"{way}/secret")),
        tree.link(path(f"{way}/secret"), path("got")),
        tree.symlink(b"x", path(f"{way}/new")),
    ):
        with pytest.raises(REFUSED):
            await act
    assert [one.name for one in (planted.parent / "out").iterdir()] == ["secret"]
    assert await content(tree, "mine") == b"mine"


async def test_a_file_made_through_a_link_out_is_made_within(planted: Path, tree: DirectoryBackend) -> None:
    """The top of the tree is its own `..`."""
    (planted / "link").symlink_to("../fresh")
    await put(tree, "link", b"in")
    assert not (planted.parent / "fresh").exists()
    assert (planted / "fresh").read_bytes() == b"in"


async def test_links_within_lead_where_they_say(root: Path, tree: DirectoryBackend) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "file").write_bytes(b"top")
    (root / "a" / "file").write_bytes(b"a")
    for name, target in {"up": "../file", "b/two": "../../file", "abs": "/a/file", "dots": "./b/.././/file"}.items():
        (root / "a" / name).symlink_to(target)
    (root / "loop").symlink_to("loop")
    wanted = {"a/up": b"top", "a/b/two": b"top", "a/abs": b"a", "a/dots": b"a"}
    assert {name: await content(tree, name) for name in wanted} == wanted
    assert await tree.read_link(path("a/up")) == b"../file"
    assert stat.S_ISLNK((await tree.lstat(path("a/up"))).permissions or 0)
    assert (await tree.stat(path("a/up"))).size == 3
    with pytest.raises(REFUSED) as refused:
        await content(tree, "loop")
    assert refused.value.errno == errno.ELOOP


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../x", b"a/../../x", b"", b"a\0b"])
async def test_no_link_is_made_that_would_lead_out(root: Path, tree: DirectoryBackend, target: bytes) -> None:
    with pytest.raises(REFUSED):
        await tree.symlink(target, path("link"))
    assert not list(root.iterdir())


async def test_a_link_below_may_go_up_as_far_as_the_top(root: Path, tree: DirectoryBackend) -> None:
    await tree.make_directory(path("a"), NOTHING)
    await put(tree, "file", b"top")
    await tree.symlink(b"../file", path("a/link"))
    assert await content(tree, "a/link") == b"top"


async def test_a_swarm_of_links_ends(root: Path, tree: DirectoryBackend) -> None:
    (root / "a").mkdir()
    (root / "climb").symlink_to("a/../" * 800 + "a")
    with pytest.raises(REFUSED) as refused:
        await tree.stat(path("climb/x"))
    assert refused.value.errno in (errno.ELOOP, errno.ENOENT)
    with pytest.raises(REFUSED) as refused:
        await tree.stat((b"a",) * (MAX_DEPTH + 1))
    assert refused.value.errno == errno.ENAMETOOLONG


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


async def test_times_size_and_holes(root: Path, tree: DirectoryBackend) -> None:
    async with opened(tree, "file", NEW | READ) as file:
        await file.write(1 << 40, b"far")
        assert await file.read(5, 3) == bytes(3)
        assert (await file.attributes()).size == (1 << 40) + 3
        assert await file.read(1 << 63, 3) == b""
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
    (root / "theirs").write_bytes(b"")
    (root / "theirs").chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[4],
    )
    assert (done.stdout, done.returncode) == ("refused\n" * 4 + "(1, 1)\n", 0), done.stderr


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
