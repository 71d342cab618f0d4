"""A directory as a back end of SFTP, used as a test wants it, and links that lead out of it."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from node.handlers.sftp.backend import OpenFile
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.backend import DirectoryBackend

READ, WRITE = OpenFlags.READ, OpenFlags.WRITE
NEW = WRITE | OpenFlags.CREATE | OpenFlags.TRUNCATE
NOTHING = Attributes()
SECRET = b"outside"
REFUSED = OSError
"""By the file system, or by us in its stead."""


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


def plant(root: Path) -> None:
    """Links out, as somebody plants them who can write to the directory by other means."""
    (root / "inner").mkdir()
    for name, target in LINKS.items():
        (root / name).symlink_to(target.format(outside=root.parent))
    (root / "inner" / "back").symlink_to("../../out")
