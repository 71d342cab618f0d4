"""A tree of files, and a handler with buckets."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.handlers.sftp.directory.backend import DirectoryBackend
from node.handlers.sftp.limits import BucketSettings
from tests.support.sftp import SftpWorld, sftp_world
from tests.support.trees import SECRET, plant


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


@pytest.fixture
def planted(root: Path) -> Path:
    plant(root)
    return root


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SftpWorld]:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "theirs").write_bytes(b"theirs")
    other = BucketSettings(directory=tmp_path / "other")
    still = BucketSettings(directory=tmp_path / "other", read_only=True)
    async with sftp_world(tmp_path, buckets={"other": other, "still": still}) as world:
        yield world
