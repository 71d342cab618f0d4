"""Which buckets there are, and that nothing leads from one to another."""

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from node.core.identity import AuthContext
from node.handlers.sftp.codec import Attributes, OpenFlags, Status, packets
from node.handlers.sftp.handler import ALPN, SftpHandler
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from tests.support.quic import soon
from tests.support.sftp import ALL, KEY, NEW, NOTHING, OnePeer, RawSftp, SftpWorld, refused
from tests.support.streams import connection_pair


async def test_a_bucket_that_leaves_the_settings_is_gone_and_a_new_one_is_there(world: SftpWorld) -> None:
    client = await world.session()
    written = await client.open(b"/files/a", NEW)
    world.limits.value = SftpLimits(buckets={"new": BucketSettings(directory=world.files)})
    assert await refused(client.do(packets.Write, written, 0, b"x")) == Status.NO_SUCH_FILE
    world.peer.give(*ALL, buckets=("*",))
    assert await client.names(b"/") == [b"new"]
    assert await client.names(b"/new") == [b"a"]
    assert (world.files / "a").read_bytes() == b""


async def test_a_bucket_that_changes_holds_what_is_open_in_it_to_its_new_rules(world: SftpWorld) -> None:
    client = await world.session()
    file = await client.open(b"/files/a", NEW | OpenFlags.READ)
    await client.do(packets.Write, file, 0, bytes(500))
    changed = {"directory": world.files, "quota_bytes": 600}
    world.limits.value = SftpLimits(buckets={"files": BucketSettings(**changed)})
    await client.do(packets.Write, file, 500, bytes(100))
    assert await refused(client.do(packets.Write, file, 600, b"x")) == Status.FAILURE
    world.limits.value = SftpLimits(buckets={"files": BucketSettings(**changed, read_only=True)})
    assert await refused(client.do(packets.Write, file, 0, b"x")) == Status.PERMISSION_DENIED
    assert (await client.do(packets.Read, file, 0, 1000)).data == bytes(600)


async def test_other_files_under_a_buckets_name_are_another_bucket(world: SftpWorld, tmp_path: Path) -> None:
    client = await world.session()
    file, listing = await client.open(b"/files/a", NEW), (await client.do(packets.Opendir, b"/files")).handle
    world.limits.value = SftpLimits(buckets={"files": BucketSettings(directory=tmp_path / "other")})
    for asked in ((packets.Write, file, 0, b"x"), (packets.Fstat, file), (packets.Readdir, listing)):
        assert await refused(client.do(*asked)) == Status.NO_SUCH_FILE
    await client.do(packets.Close, file)
    assert (world.files / "a").read_bytes() == b""
    assert await client.names(b"/files") == [b"theirs"]


async def test_nothing_is_moved_from_one_bucket_to_another_and_no_bucket_is_changed(world: SftpWorld) -> None:
    world.peer.give(*ALL, buckets=("*",))
    client = await world.session()
    await client.put(b"/files/a", b"a")
    assert await refused(client.do(packets.Rename, b"/files/a", b"/other/a")) == Status.FAILURE
    for asked in (
        (packets.Rmdir, b"/files"),
        (packets.Mkdir, b"/fresh", NOTHING),
        (packets.Setstat, b"/files", Attributes(permissions=0o777)),
        (packets.Rename, b"/files", b"/x"),
        (packets.Open, b"/x", NEW, NOTHING),
        (packets.Symlink, b"x", b"/x"),
        (packets.Setstat, b"/", NOTHING),
    ):
        assert await refused(client.do(*asked)) == Status.PERMISSION_DENIED


async def test_a_way_up_out_of_a_bucket_leads_to_the_root_of_all(world: SftpWorld) -> None:
    client = await world.session()
    for path in (b"/files/../../../other/theirs", b"../../other/theirs", b"/files/../other/theirs"):
        assert await refused(client.do(packets.Open, path, OpenFlags.READ, NOTHING)) == Status.NO_SUCH_FILE


@pytest.mark.parametrize("directory", ["data", "data/secrets", ".", "link"])
async def test_no_bucket_has_the_nodes_own_data_in_it(tmp_path: Path, directory: str) -> None:
    (tmp_path / "data" / "secrets").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "database").mkdir()
    buckets = {"bad": tmp_path / directory, "good": tmp_path / "database"}
    limits = SftpLimits(buckets={name: BucketSettings(directory=path) for name, path in buckets.items()})
    handler = SftpHandler(OnePeer(*ALL, buckets=("*",)), limits, never=tmp_path / "data")
    ours, theirs = connection_pair(ALPN)
    serving = asyncio.create_task(handler.handle(theirs, AuthContext(None, ALPN, None, KEY)))
    client = RawSftp(await ours.open_bi())
    await client.begin()
    assert await client.names(b"/") == [b"good"]
    assert await refused(client.do(packets.Opendir, b"/bad")) == Status.NO_SUCH_FILE
    ours.close()
    await soon(asyncio.wait((serving,)))
    assert serving.exception() is not None
    await handler.close()


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "ä", "a b", "x" * 65])
def test_names_of_buckets_are_plain(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        SftpLimits(buckets={name: BucketSettings(directory=tmp_path)})


@pytest.mark.parametrize("directory", ["relative", "/", "/a\0b"])
def test_directories_of_buckets_are_named_from_the_root(directory: str) -> None:
    with pytest.raises(ValidationError):
        BucketSettings(directory=Path(directory))
