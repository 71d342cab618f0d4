"""The same server as a subsystem of SSH, asked by asyncssh's client, which shares no line with it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.packet import SSHPacket
from asyncssh.sftp import SFTPAttrs, SFTPFailure, SFTPNoSuchFile, SFTPPermissionDenied
from hypothesis import given, settings
from hypothesis import strategies as st

from node.assembly.sftp import subsystem
from node.core.journal import EventKind
from node.core.peers import PeerEntry
from node.handlers.sftp.codec.attributes import Attributes, read_attributes, write_attributes
from node.handlers.sftp.codec.wire import Reader
from node.handlers.sftp.handler import SftpHandler
from node.handlers.sftp.limits import BucketSettings, SftpLimits
from node.handlers.ssh.subsystem import SubsystemSession
from tests.support.journals import ListJournal
from tests.support.ssh import SshNode, named, ssh_node

ALL = ("ssh:sftp", "sftp:*")
U32 = st.integers(0, 2**32 - 1)


class Files:
    """An SSH node with a bucket, and what its peer may do."""

    def __init__(self, node: SshNode, root: Path, handler: SftpHandler, journal: ListJournal) -> None:
        self.node, self.root, self.handler, self.journal = node, root, handler, journal

    async def give(self, *scopes: str, bucket: str = "files") -> None:
        entry = PeerEntry("ann", (named(self.node.ann),), scopes=scopes, resources={"bucket": (bucket,)})
        await self.node.store.put_peer(entry)


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[Files]:
    root, journal = tmp_path / "files", ListJournal()
    root.mkdir()

    async def serve(session: SubsystemSession) -> int:
        return await subsystem(handler, journal)(session)

    async with ssh_node({"sftp": serve}) as node:
        limits = SftpLimits(buckets={"files": BucketSettings(directory=root)})
        handler = SftpHandler(node.store, limits, journal)
        made = Files(node, root, handler, journal)
        await made.give(*ALL)
        yield made
    await handler.close()


async def test_a_client_that_is_none_of_ours_does_everything(files: Files, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "mine").write_bytes(content)
    async with files.node.client() as ssh, ssh.start_sftp_client() as sftp:
        assert sftp.version == 3
        await sftp.chdir("/files")
        await sftp.put(str(tmp_path / "mine"), "a")
        await sftp.get("a", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == content
        await sftp.mkdir("d", SFTPAttrs(permissions=0o700))
        await sftp.rename("a", "d/a")
        await sftp.symlink("d/a", "l")
        assert await sftp.readlink("l") == "d/a"
        assert await sftp.realpath("l/../d/./a") == "/files/d/a"
        assert sorted(await sftp.listdir("/files")) == [".", "..", "d", "l"]
        assert (await sftp.stat("l")).size == len(content)
        assert (await sftp.lstat("l")).size == 3
        await sftp.chmod("d/a", 0o640)
        await sftp.truncate("d/a", 5)
        await sftp.utime("d/a", (1, 2))
        told = await sftp.stat("d/a")
        assert (told.size, told.permissions, told.atime, told.mtime) == (5, 0o100640, 1, 2)
        await sftp.link("d/a", "hard")
        async with sftp.open("hard", "ab") as file:
            await file.write(b"more")
            await file.fsync()
        async with sftp.open("d/a", "rb") as file:
            assert await file.read() == content[:5] + b"more"
            assert (await file.statvfs()).namemax == 255
        await sftp.posix_rename("hard", "d/b")
        with pytest.raises(SFTPFailure):
            await sftp.rename("l", "d/a")
        with pytest.raises(SFTPNoSuchFile):
            await sftp.stat("none")
        with pytest.raises(SFTPPermissionDenied):
            await sftp.chown("d/a", 12345, 12345)
        await sftp.rmtree("/files/d")
        await sftp.remove("l")
        assert await sftp.listdir("/") == [".", "..", "files"]
    assert list(files.root.iterdir()) == []


async def test_whole_trees_come_and_go(files: Files, tmp_path: Path) -> None:
    tree = {f"d{number}/{name}": os.urandom(5000) for number in range(3) for name in ("a", "b")}
    for name, content in tree.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(content)
    async with files.node.client() as ssh, ssh.start_sftp_client() as sftp:
        await sftp.put(str(tmp_path / "mine"), "/files/t", recurse=True, preserve=True)
        await sftp.get("/files/t", str(tmp_path / "back"), recurse=True)
    for name, content in tree.items():
        assert (tmp_path / "back" / name).read_bytes() == content


async def test_ssh_asks_for_a_scope_of_its_own_and_rights_end_on_the_way(files: Files) -> None:
    await files.give("sftp:*")
    async with files.node.client() as ssh:
        with pytest.raises(asyncssh.ChannelOpenError):
            await ssh.start_sftp_client()
    await files.give(*ALL)
    async with files.node.client() as ssh, ssh.start_sftp_client() as sftp:
        async with sftp.open("/files/a", "wb") as file:
            await file.write(b"one")
            await files.give("ssh:sftp", "sftp:read")
            with pytest.raises(SFTPPermissionDenied):
                await file.write(b"two")
        assert await sftp.getsize("/files/a") == 3
        await files.give("ssh:sftp", "sftp:read", bucket="another")
        with pytest.raises(SFTPNoSuchFile):
            await sftp.stat("/files/a")
    (told,) = files.journal.of(EventKind.DENIED)[:1]
    assert (told.peer_id, told.alpn, told.detail["operation"]) == ("ann", "alknet/ssh", "sftp:write files")


@settings(max_examples=40)
@given(st.none() | st.integers(0, 2**64 - 1), st.none() | st.tuples(U32, U32), st.none() | st.tuples(U32, U32))
def test_attributes_are_written_as_asyncssh_writes_and_reads_them(
    size: int | None, owner: tuple[int, int] | None, times: tuple[int, int] | None
) -> None:
    ours = Attributes(size, owner, 0o100644, times)
    uid, gid = owner or (None, None)
    atime, mtime = times or (None, None)
    theirs: Any = SFTPAttrs(size=size, uid=uid, gid=gid, permissions=0o100644, atime=atime, mtime=mtime)
    assert theirs.encode(3) == write_attributes(ours)
    assert read_attributes(Reader(theirs.encode(3))) == ours
    assert SFTPAttrs.decode(SSHPacket(write_attributes(ours)), 3).encode(3) == write_attributes(ours)
