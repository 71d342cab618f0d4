"""What is done over one connection of SSH, and over the bare engine where that can be."""

import asyncio
import shutil
from pathlib import Path

import asyncssh

from bench.engine_workload import CHUNK, Opener, download, upload

SMALL = 4096
"""Bytes of a small file."""
BIG, MANY = "big", "many"
"""The file and the directory of small ones that are put and got."""


class OverSsh:
    """Each method is a task: what it takes is its amount. `directory` has what is put, `local`, and `back`."""

    def __init__(self, connection: asyncssh.SSHClientConnection, directory: Path, way: str) -> None:
        """`way` is the name of a directory of its own."""
        self._connection = connection
        self._local, self._back = directory / "local", directory / "back" / way
        self._remote = f"/files/{way}"

    async def download(self, size: int) -> None:
        """What a program writes."""
        async with self._connection.create_process(f"head -c {size} /dev/zero", encoding=None) as process:
            count = 0
            while data := await process.stdout.read(len(CHUNK)):
                count += len(data)
        assert count == size, f"{count} bytes came of {size}"

    async def upload(self, size: int) -> None:
        """What a program reads."""
        async with self._connection.create_process("wc -c", encoding=None) as process:
            for start in range(0, size, len(CHUNK)):
                process.stdin.write(CHUNK[: size - start])
                await process.stdin.drain()
            process.stdin.write_eof()
            assert int(await process.stdout.read()) == size

    async def put(self, _size: int) -> None:
        await self._put(BIG)

    async def get(self, size: int) -> None:
        assert await self._get(BIG) == size

    async def putmany(self, _count: int) -> None:
        await self._put(MANY)

    async def getmany(self, count: int) -> None:
        assert await self._get(MANY) == count * SMALL

    async def _put(self, name: str) -> None:
        async with self._connection.start_sftp_client() as sftp:
            await sftp.put(str(self._local / name), self._remote, recurse=True)

    async def _get(self, name: str) -> int:
        """How many bytes came."""
        back = self._back / name
        async with self._connection.start_sftp_client() as sftp:
            await sftp.get(f"{self._remote}/{name}", str(back), recurse=True)
        files = list(back.iterdir()) if back.is_dir() else [back]
        size = sum(each.stat().st_size for each in files)
        await asyncio.to_thread(shutil.rmtree if back.is_dir() else Path.unlink, back)
        return size


class Bare:
    """The same amounts on a stream with nothing else on it: what is put or written goes up, the rest comes down."""

    def __init__(self, connection: Opener) -> None:
        self._connection = connection

    async def upload(self, size: int) -> None:
        await upload(self._connection, size)

    async def download(self, size: int) -> None:
        await download(self._connection, size)


def make_files(local: Path, size: int, count: int) -> None:
    """What is put: one file of `size` bytes, and so many small ones."""
    (local / MANY).mkdir(parents=True)
    with (local / BIG).open("wb") as big:
        for start in range(0, size, len(CHUNK)):
            big.write(CHUNK[: size - start])
    for number in range(count):
        (local / MANY / f"{number:06}").write_bytes(CHUNK[:SMALL])
