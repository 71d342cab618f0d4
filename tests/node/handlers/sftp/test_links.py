"""Symbolic links in and out of a bucket, on real files."""

import errno
import stat
from pathlib import Path

import pytest

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.backend import DirectoryBackend
from node.handlers.sftp.directory.walk import MAX_DEPTH
from tests.support.trees import NOTHING, REFUSED, SECRET, WAYS, WRITE, content, path, put


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


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../x", b"a/../x", b"./../x", b"", b"a\0b"])
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


async def test_how_far_up_a_link_may_go_counts_from_where_it_really_is(root: Path, tree: DirectoryBackend) -> None:
    await tree.make_directory(path("deep"), NOTHING)
    await tree.symlink(b"..", path("deep/up"))
    for target, link in ((b"../secret", "deep/up/link"), (b"up/../secret", "deep/link")):
        with pytest.raises(PermissionError):
            await tree.symlink(target, path(link))
    assert sorted(one.name for one in root.rglob("*")) == ["deep", "up"]


async def test_no_link_is_moved_to_where_it_would_lead_out(root: Path, tree: DirectoryBackend) -> None:
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "planted").symlink_to(root.parent)  # whoever else can write here is asked nothing
    (root / "a" / "planted").symlink_to("../../secret")
    await tree.symlink(b"../x", path("a/link"))
    await tree.symlink(b"../../x", path("a/b/c/far"))
    for old, new in (("a/link", "link"), ("a/b/c", "c")):
        for move in (tree.rename, tree.replace):
            with pytest.raises(PermissionError):
                await move(path(old), path(new))
    await tree.rename(path("a/b/c"), path("a/c"))
    await tree.rename(path("a/planted"), path("moved"))
    await tree.replace(path("a"), path("other"))
    assert sorted(one.name for one in root.iterdir()) == ["moved", "other", "planted"]
    assert (root / "other" / "c" / "far").readlink() == Path("../../x")
