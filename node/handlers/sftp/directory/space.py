"""How much room there is: of the file system, and no more of it than the quota leaves."""

import os

from node.handlers.sftp.codec.extensions import Space
from node.handlers.sftp.directory.ledger import Ledger


def space_of(system: os.statvfs_result, ledger: Ledger) -> Space:
    """With a quota, the whole is the quota, and what is left is the lesser of what it and the file system leave."""
    unit = system.f_frsize or system.f_bsize or 1
    used = ledger.usage()
    blocks, free, available = _within(
        _units(ledger.quota.size, unit), used.size // unit, system.f_blocks, system.f_bfree, system.f_bavail
    )
    files, files_free, files_available = _within(
        _units(ledger.quota.files, 1), used.files, system.f_files, system.f_ffree, system.f_favail
    )
    return Space(
        block_size=system.f_bsize,
        fragment_size=unit,
        blocks=blocks,
        blocks_free=free,
        blocks_available=available,
        files=files,
        files_free=files_free,
        files_available=files_available,
        filesystem=0,
        flags=system.f_flag & 0x3,
        max_name=system.f_namemax,
    )


def _units(quota: int, unit: int) -> int | None:
    return quota // unit if quota else None


def _within(quota: int | None, used: int, whole: int, free: int, available: int) -> tuple[int, int, int]:
    if quota is None:
        return whole, free, available
    left = max(0, quota - used)
    return quota, min(free, left), min(available, left)
