"""Who may do what with which bucket, at each moment, over a stream."""

import pytest

from node.core.errors import AuthRequired, StreamError
from node.core.journal import EventKind
from node.handlers.sftp.codec import Attributes, OpenFlags, Status, packets
from node.handlers.sftp.codec.extensions import (
    POSIX_RENAME,
    TwoPaths,
    encode_body,
)
from tests.support.quic import soon
from tests.support.sftp import ALL, NEW, NOTHING, SftpWorld, refused


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
