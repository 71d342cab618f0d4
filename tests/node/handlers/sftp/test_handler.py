"""Sessions at the node's handler, by a client that can say anything."""

import contextlib
import logging
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.core.errors import StreamError
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
from tests.support.quic import settled, soon
from tests.support.sftp import NEW, NOTHING, RawSftp, SftpWorld, refused

SAMPLES = [
    encode(packets.Open(1, b"/files/a", NEW | OpenFlags.READ, NOTHING))[4:],
    encode(packets.Write(2, b"\0" * 7 + b"\1", 1, b"x"))[4:],
    encode(packets.Read(3, b"\0" * 7 + b"\1", 2**64 - 1, 2**32 - 1))[4:],
    encode(packets.Fsetstat(4, b"\0" * 7 + b"\1", Attributes(2**64 - 1, (1, 2), 0o7777, (0, 0))))[4:],
    encode(packets.Rename(5, b"/files/a", b"/files/a/../b"))[4:],
    encode(packets.Close(6, b"\0" * 7 + b"\1"))[4:],
]


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
