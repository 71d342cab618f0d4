"""Sessions at the node's handler, by a client that can say anything: rights, order, bounds, and ends of every kind."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from node.core.errors import AuthRequired, StreamError
from node.core.identity import AuthContext
from node.core.journal import EventKind
from node.handlers.sftp.codec import Attributes, OpenFlags, Status, encode, frame, packets
from node.handlers.sftp.codec.extensions import (
    LIMITS,
    OFFERED,
    POSIX_RENAME,
    STATVFS,
    LimitsReply,
    OneHandle,
    OnePath,
    Space,
    TwoPaths,
    decode_body,
    encode_body,
)
from node.handlers.sftp.handler import ALPN, SftpHandler
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from tests.support.quic import settled, soon
from tests.support.sftp import KEY, NEW, NOTHING, Failed, OnePeer, RawSftp, SftpWorld, sftp_world
from tests.support.streams import connection_pair

SAMPLES = [
    encode(packets.Open(1, b"/files/a", NEW | OpenFlags.READ, NOTHING))[4:],
    encode(packets.Write(2, b"\0" * 7 + b"\1", 1, b"x"))[4:],
    encode(packets.Read(3, b"\0" * 7 + b"\1", 2**64 - 1, 2**32 - 1))[4:],
    encode(packets.Fsetstat(4, b"\0" * 7 + b"\1", Attributes(2**64 - 1, (1, 2), 0o7777, (0, 0))))[4:],
    encode(packets.Rename(5, b"/files/a", b"/files/a/../b"))[4:],
    encode(packets.Close(6, b"\0" * 7 + b"\1"))[4:],
]
ALL = ("sftp:read", "sftp:write")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SftpWorld]:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "theirs").write_bytes(b"theirs")
    other = BucketSettings(directory=tmp_path / "other")
    still = BucketSettings(directory=tmp_path / "other", read_only=True)
    async with sftp_world(tmp_path, buckets={"other": other, "still": still}) as world:
        yield world


async def refused(asking: object) -> int:
    with pytest.raises(Failed) as failed:
        await asking  # type: ignore[misc]
    return failed.value.status


async def test_files_are_put_listed_moved_and_fetched(world: SftpWorld) -> None:
    client = await world.session()
    content = os.urandom(200_000)
    await client.do(packets.Mkdir, b"files/dir", NOTHING)
    await client.put(b"/files/dir/../dir/a", content)
    assert await client.get(b"/files/dir/a") == content
    await client.do(packets.Rename, b"/files/dir/a", b"/files/b")
    assert await client.names(b"/files") == [b"b", b"dir"]
    told = (await client.do(packets.Stat, b"/files/b")).attributes
    assert told.size == len(content)
    await client.do(packets.Setstat, b"/files/b", Attributes(permissions=0o600, times=(1, 2)))
    await client.do(packets.Symlink, b"b", b"/files/link")
    assert (await client.do(packets.Readlink, b"/files/link")).entries[0].filename == b"b"
    assert (await client.do(packets.Stat, b"/files/link")).attributes.times == (1, 2)
    assert (await client.do(packets.Lstat, b"/files/link")).attributes.size == 1
    await client.do(packets.Remove, b"/files/link")
    await client.do(packets.Rmdir, b"/files/dir")
    await client.do(packets.Symlink, b"/files/draft", b"b")
    assert (world.files / "draft").readlink() == Path("b")
    assert (await client.do(packets.Realpath, b"./files//x/../y/.")).entries[0].filename == b"/files/y"
    assert (world.files / "b").read_bytes() == content
    counted = world.handler.snapshot()
    assert (counted["read_bytes"], counted["written_bytes"], counted["open_files"]) == (200_000, 200_000, 0)


async def test_extensions_of_openssh(world: SftpWorld) -> None:
    connection, _ = await world.connect()
    client = await world.session(connection)
    limits = decode_body(LimitsReply, (await client.do(packets.Extended, LIMITS, b"")).body)
    assert limits == LimitsReply(262_144, 261_120, 261_120, 64)
    await client.put(b"/files/a", b"a")
    await client.put(b"/files/b", b"b")
    await client.do(packets.Extended, POSIX_RENAME, encode_body(TwoPaths(b"/files/a", b"/files/b")))
    assert await client.names(b"/files") == [b"b"]
    await client.do(packets.Extended, b"hardlink@openssh.com", encode_body(TwoPaths(b"/files/b", b"/files/c")))
    assert (world.files / "c").stat().st_nlink == 2
    handle = await client.open(b"/files/c", OpenFlags.WRITE)
    await client.do(packets.Extended, b"fsync@openssh.com", encode_body(OneHandle(handle)))
    for name, body in ((STATVFS, OnePath(b"/files")), (b"fstatvfs@openssh.com", OneHandle(handle))):
        space = decode_body(Space, (await client.do(packets.Extended, name, encode_body(body))).body)
        assert space.max_name == 255
    assert await refused(client.do(packets.Extended, b"x@y", b"")) == Status.UNSUPPORTED
    assert await refused(client.do(packets.Extended, STATVFS, b"\0")) == Status.BAD_MESSAGE


async def test_a_session_tells_its_version_and_extensions(world: SftpWorld) -> None:
    connection, _ = await world.connect()
    stream = await connection.open_bi()
    await stream.write(encode(packets.Init(6)))
    assert await RawSftp(stream).next() == packets.Version(3, OFFERED)


async def test_without_an_identity_there_is_no_session(world: SftpWorld) -> None:
    for key in (None, "ed25519:" + "22" * 32):
        connection, serving = await world.connect(key)
        with pytest.raises(AuthRequired):
            await soon(serving)
        with pytest.raises(StreamError):
            await connection.open_bi()


async def test_only_buckets_that_one_may_see_are_there(world: SftpWorld) -> None:
    client = await world.session()
    assert await client.names(b"/") == [b"files"]
    for path in (b"/other", b"/other/theirs", b"/none", b"/none/x"):
        assert await refused(client.do(packets.Stat, path)) == Status.NO_SUCH_FILE
    world.peer.give("sftp:read", buckets=("*",))
    assert await client.names(b"/") == [b"files", b"other", b"still"]
    assert await client.get(b"/other/theirs") == b"theirs"
    world.peer.give(*ALL, buckets=())
    assert await client.names(b"/") == []


@pytest.mark.parametrize(
    "asked",
    [
        (packets.Open, b"/files/a", NEW, NOTHING),
        (packets.Open, b"/files/a", OpenFlags.READ | OpenFlags.CREATE, NOTHING),
        (packets.Open, b"/files/a", OpenFlags.READ | OpenFlags.TRUNCATE, NOTHING),
        (packets.Setstat, b"/files/a", Attributes(size=0)),
        (packets.Remove, b"/files/a"),
        (packets.Mkdir, b"/files/d", NOTHING),
        (packets.Rmdir, b"/files/d"),
        (packets.Rename, b"/files/a", b"/files/b"),
        (packets.Symlink, b"a", b"/files/l"),
        (packets.Extended, POSIX_RENAME, encode_body(TwoPaths(b"/files/a", b"/files/b"))),
        (packets.Extended, b"hardlink@openssh.com", encode_body(TwoPaths(b"/files/a", b"/files/b"))),
    ],
    ids=lambda asked: str(asked[0].__name__),
)
async def test_who_may_only_read_changes_nothing(world: SftpWorld, asked: tuple[object, ...]) -> None:
    (world.files / "a").write_bytes(b"a")
    world.peer.give("sftp:read", buckets=("*",))
    client = await world.session()
    assert await refused(client.do(*asked)) == Status.PERMISSION_DENIED
    world.peer.give(*ALL, buckets=("*",))
    still = tuple(one.replace(b"/files", b"/still") if isinstance(one, bytes) else one for one in asked)
    if asked[0] is not packets.Extended:
        assert await refused(client.do(*still)) == Status.PERMISSION_DENIED
    assert [(one.name, one.read_bytes()) for one in world.files.iterdir()] == [("a", b"a")]


async def test_who_may_only_write_reads_nothing(world: SftpWorld) -> None:
    (world.files / "a").write_bytes(b"a")
    world.peer.give("sftp:write")
    client = await world.session()
    await client.put(b"/files/b", b"b")
    for asked in (
        (packets.Open, b"/files/a", OpenFlags.READ, NOTHING),
        (packets.Open, b"/files/a", OpenFlags.READ | OpenFlags.WRITE, NOTHING),
        (packets.Opendir, b"/files"),
        (packets.Stat, b"/files/a"),
        (packets.Lstat, b"/files/a"),
        (packets.Readlink, b"/files/a"),
    ):
        assert await refused(client.do(*asked)) == Status.PERMISSION_DENIED
    assert await client.names(b"/") == [b"files"]
    await client.do(packets.Stat, b"/files")


async def test_a_right_that_is_taken_away_ends_at_once_for_what_is_open_too(world: SftpWorld) -> None:
    (world.files / "a").write_bytes(b"a")
    client = await world.session()
    file, written = await client.open(b"/files/a"), await client.open(b"/files/b", NEW)
    listing = (await client.do(packets.Opendir, b"/files")).handle
    await client.do(packets.Read, file, 0, 1)
    world.peer.give("sftp:write")
    assert await refused(client.do(packets.Read, file, 0, 1)) == Status.PERMISSION_DENIED
    assert await refused(client.do(packets.Readdir, listing)) == Status.PERMISSION_DENIED
    await client.do(packets.Write, written, 0, b"x")
    world.peer.give("sftp:read")
    assert await refused(client.do(packets.Write, written, 0, b"y")) == Status.PERMISSION_DENIED
    assert await refused(client.do(packets.Fsetstat, written, Attributes(size=0))) == Status.PERMISSION_DENIED
    world.peer.identity = None
    for asked in ((packets.Read, file, 0, 1), (packets.Fstat, file), (packets.Stat, b"/files")):
        assert await refused(client.do(*asked)) == Status.NO_SUCH_FILE
    assert await client.names(b"/") == []
    await client.do(packets.Close, file)
    assert (world.files / "b").read_bytes() == b"x"


async def test_a_bucket_that_leaves_the_settings_is_gone_and_a_new_one_is_there(world: SftpWorld) -> None:
    client = await world.session()
    written = await client.open(b"/files/a", NEW)
    world.limits.value = SftpLimits(buckets={"new": BucketSettings(directory=world.files)})
    assert await refused(client.do(packets.Write, written, 0, b"x")) == Status.NO_SUCH_FILE
    world.peer.give(*ALL, buckets=("*",))
    assert await client.names(b"/") == [b"new"]
    assert await client.names(b"/new") == [b"a"]
    assert (world.files / "a").read_bytes() == b""


async def test_denials_are_told_without_any_path(world: SftpWorld) -> None:
    world.peer.give("sftp:read")
    client = await world.session()
    await refused(client.do(packets.Remove, b"/files/private-name"))
    await refused(client.do(packets.Stat, b"/other/private-name"))
    told = world.journal.of(EventKind.DENIED)
    assert [event.detail["operation"] for event in told] == ["sftp:write files", "sftp:read other"]
    assert [event.reason for event in told] == ["missing required scope: sftp:write", "missing resource: bucket/other"]
    assert "private-name" not in repr(world.journal.__dict__)
    assert world.handler.denials() == {"forbidden": 2}


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


async def test_what_is_asked_ahead_is_done_in_order(world: SftpWorld) -> None:
    """All of it is sent before any answer is read; the handle is known, because handles are counted."""
    client = await world.session()
    handle = await client.open(b"/files/a", NEW | OpenFlags.READ)
    writes = [await client.ask(packets.Write, handle, 0, b"%04d" % number) for number in range(100)]
    read = await client.ask(packets.Read, handle, 0, 10)
    seen = await client.ask(packets.Stat, b"/files/a")
    closed = await client.ask(packets.Close, handle)
    renamed = await client.ask(packets.Rename, b"/files/a", b"/files/b")
    removed = await client.ask(packets.Remove, b"/files/b")
    for request in (*writes, closed, renamed, removed):
        await client.reply(request)
    assert (await client.reply(read)).data == b"0099"
    assert (await client.reply(seen)).attributes.size == 4
    assert await client.names(b"/files") == []


async def test_wrong_requests_are_answered_and_the_session_goes_on(world: SftpWorld) -> None:
    client = await world.session()
    for raw, status in (
        ("00000005 15 00000063", Status.UNSUPPORTED),
        ("00000006 05 00000063 00", Status.BAD_MESSAGE),
        ("00000011 03 00000063 00000000 00000040 00000000", Status.BAD_MESSAGE),
    ):
        await client.stream.write(bytes.fromhex(raw))
        assert await refused(client.reply(0x63)) == status
    for asked in (
        (packets.Read, b"\0" * 8, 0, 1),
        (packets.Close, b""),
        (packets.Readdir, await client.open(b"/files/a", NEW)),
        (packets.Open, b"/files/a", OpenFlags(0), NOTHING),
        (packets.Mkdir, b"/files/" + b"n" * 256, NOTHING),
        (packets.Stat, b"/files/a\0b"),
    ):
        assert await refused(client.do(*asked)) == Status.FAILURE
    assert await refused(client.do(packets.Open, b"/files/a/b", OpenFlags.READ, NOTHING)) == Status.NO_SUCH_FILE


@pytest.mark.parametrize(
    "raw",
    [
        "00000000",
        "00040001",
        "ffffffff",
        "00000005 01 00000003",
        "00000005 02 00000003",
        "00000001 04",
        "00000002 0400",
    ],
)
async def test_what_is_no_request_ends_its_session_and_no_other(world: SftpWorld, raw: str) -> None:
    connection, _ = await world.connect()
    client, other = await world.session(connection), await world.session(connection)
    await client.open(b"/files/a", NEW)
    await client.stream.write(bytes.fromhex(raw))
    with pytest.raises(StreamError):
        await client.next()
    await other.put(b"/files/b", b"b")
    await settled(lambda: world.handler.snapshot()["open_files"] == 0)


@pytest.mark.parametrize("raw", [b"", b"\0\0", encode(packets.Init(2)), encode(packets.Stat(1, b"/")), b"GET / HTTP/1"])
async def test_a_session_begins_as_it_has_to(world: SftpWorld, raw: bytes) -> None:
    connection, _ = await world.connect()
    stream = await connection.open_bi()
    await stream.write(raw)
    stream.finish()
    with pytest.raises(StreamError):
        await soon(stream.read())
    assert world.handler.snapshot()["sessions"] == 0


async def test_what_was_asked_before_the_end_is_still_answered(world: SftpWorld) -> None:
    client = await world.session()
    handle = await client.open(b"/files/a", NEW)
    asked = [await client.ask(packets.Write, handle, number, b"x") for number in range(20)]
    client.stream.finish()
    for request in asked:
        await client.reply(request)
    assert await soon(client.stream.read()) == b""
    await settled(lambda: world.handler.snapshot()["open_files"] == 0)
    assert (world.files / "a").read_bytes() == b"x" * 20


async def test_a_lost_connection_closes_every_file(world: SftpWorld) -> None:
    connection, serving = await world.connect()
    client = await world.session(connection)
    for number in range(5):
        await client.open(b"/files/%d" % number, NEW)
        await client.ask(packets.Write, b"\0" * 7 + b"\1", 0, bytes(1000))
    connection.close()
    await soon(asyncio.wait((serving,)))
    await settled(lambda: world.handler.snapshot()["open_files"] == 0)
    assert world.handler.snapshot()["held_bytes"] == 0
    assert world.handler.snapshot()["sessions"] == 0


async def test_a_client_that_reads_no_answers_is_read_no_further(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_bytes=100_000, max_requests=8) as world:
        (world.files / "a").write_bytes(bytes(200_000))
        client = await world.session()
        handle = await client.open(b"/files/a")

        async def flood() -> None:
            while True:
                await client.ask(packets.Read, handle, 0, 40_000)

        flooding = asyncio.create_task(flood())
        await settled(lambda: world.handler.snapshot()["held_bytes"] > 50_000)
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert world.handler.snapshot()["held_bytes"] <= 100_000
        assert world.handler.snapshot()["requests"] < 20
        flooding.cancel()


async def test_a_request_that_is_larger_than_the_bound_is_served_alone(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_bytes=65_536) as world:
        client = await world.session()
        handle = await client.open(b"/files/a", NEW)
        asked = [await client.ask(packets.Write, handle, 0, bytes(200_000)) for _ in range(3)]
        for request in asked:
            await client.reply(request)


async def test_open_files_are_bounded(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_handles=3, max_open=4) as world:
        connection, _ = await world.connect()
        client, other = await world.session(connection), await world.session(connection)
        handles = [await client.open(b"/files/a", NEW) for _ in range(3)]
        assert await refused(client.do(packets.Opendir, b"/files")) == Status.FAILURE
        await other.open(b"/files/a")
        assert await refused(other.do(packets.Opendir, b"/files")) == Status.FAILURE
        await client.do(packets.Close, handles[0])
        await other.do(packets.Opendir, b"/files")
        assert world.handler.snapshot()["open_files"] == 4


async def test_sessions_are_bounded(tmp_path: Path) -> None:
    async with sftp_world(tmp_path, max_per_connection=2, max_sessions=3) as world:
        connection, _ = await world.connect()
        second, _ = await world.connect()
        for one in (connection, connection, second):
            await world.session(one)
        for one in (connection, second):
            with pytest.raises((StreamError, EOFError)):
                await world.session(one)
        assert world.handler.snapshot()["turned_away"] == 2


@pytest.mark.parametrize("limit", ["start_timeout", "idle_timeout", "stall_timeout"])
async def test_a_session_in_which_nothing_moves_ends(tmp_path: Path, limit: str) -> None:
    async with sftp_world(tmp_path, **{limit: 0.05}) as world:
        connection, _ = await world.connect()
        stream = await connection.open_bi()
        if limit != "start_timeout":
            await stream.write(encode(packets.Init()))
            await soon(stream.read_exactly(len(encode(packets.Version(3, OFFERED)))))
        await stream.write(b"\0\0" if limit == "stall_timeout" else b"")
        with pytest.raises(StreamError):
            await soon(stream.read())
        assert world.handler.snapshot()["stalled"] == 1


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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=40) | st.sampled_from(SAMPLES), max_size=12))
async def test_bytes_of_anybodys_choosing_fail_no_session_but_their_own(
    world: SftpWorld, caplog: pytest.LogCaptureFixture, bodies: list[bytes]
) -> None:
    client = await world.session()
    with contextlib.suppress(StreamError):
        for body in bodies:
            await client.stream.write(frame(body))
        client.stream.finish()
        while await soon(client.stream.read()):
            pass
    await settled(lambda: world.handler.snapshot()["sessions"] == 0)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "ä", "a b", "x" * 65])
def test_names_of_buckets_are_plain(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        SftpLimits(buckets={name: BucketSettings(directory=tmp_path)})


@pytest.mark.parametrize("directory", ["relative", "/", "/a\0b"])
def test_directories_of_buckets_are_named_from_the_root(directory: str) -> None:
    with pytest.raises(ValidationError):
        BucketSettings(directory=Path(directory))
