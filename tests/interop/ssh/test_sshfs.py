"""sshfs, where the system lets file systems be mounted: through `alknet nc`, and by the node's TCP port."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.ssh_programs import machine


def may_mount() -> bool:
    """Whether there is FUSE, and the right to mount, CAP_SYS_ADMIN (capabilities(7))."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return False
    effective = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    return bool(int(effective.split(":")[1], 16) >> 21 & 1)


pytestmark = [
    pytest.mark.interop if may_mount() else pytest.mark.skip(reason="no /dev/fuse, or no right to mount"),
    pytest.mark.parametrize("way", ["nc", "tcp"]),
]


async def test_a_bucket_is_mounted(program: Any, tmp_path: Path, way: str) -> None:
    sshfs, unmount = program("sshfs"), program("fusermount3")
    async with machine(tmp_path, way, "ssh:sftp") as here:
        (tmp_path / "mounted").mkdir()
        (here.files / "old").write_bytes(old := os.urandom(2_000_000))
        status, out = await here.run(sshfs, "-F", here.config, "box:/files", "mounted")
        assert status == 0, out
        try:
            assert await asyncio.to_thread(use, tmp_path / "mounted") == old
        finally:
            await here.run(unmount, "-u", "-z", "mounted")
        assert {one.name for one in here.files.iterdir()} == {"sub", "old"}
        assert (here.files / "sub" / "new").read_bytes() == old[::-1]


def use(mounted: Path) -> bytes:
    """As any program would; what is in the file `old`."""
    old = (mounted / "old").read_bytes()
    (mounted / "sub").mkdir()
    (mounted / "sub" / "part").write_bytes(old[::-1])
    (mounted / "sub" / "part").rename(mounted / "sub" / "new")
    shutil.copy2(mounted / "old", mounted / "copy")
    assert (mounted / "copy").stat().st_size == len(old)
    (mounted / "copy").unlink()
    return old
