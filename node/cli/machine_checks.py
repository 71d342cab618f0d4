"""What `alknet doctor` finds out about the machine: its clock, its disk, and whether file locks hold there."""

import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from node.core.finding import Finding, Level
from node.settings import Settings

MIB = 1024 * 1024
LEAST_FREE, LITTLE_FREE = 100 * MIB, 1024 * MIB
SYNCS, SLOW_SYNC, SLOW_WRITE = 8, 0.1, 5 * MIB
"""So many small writes are synchronised; seconds for one, and bytes a second, that are too slow to work well with."""
LAST_YEAR = 2100

NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs", "fuse.glusterfs"})
"""Their locks do not hold between machines as SQLite needs them, nor does memory that is shared by a file."""
_TIME_ERROR = 5
_TRY_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(7)
"""
_REFUSED = 7


def clock(_: Settings) -> Finding:
    """Whether the clock can be right, and whether something keeps it so."""
    now, installed = time.time(), Path(__file__).stat().st_mtime
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if now < installed - 86_400 or datetime.fromtimestamp(now, UTC).year >= LAST_YEAR:
        text = f"it says {shown}, which cannot be: certificates, expiries and the journal go by it; set it"
        return Finding("clock", Level.PROBLEM, text)
    match _is_synchronised():
        case True:
            return Finding("clock", Level.FINE, f"{shown}, synchronised")
        case False:
            text = f"{shown}; nothing keeps it right: install chrony, or turn systemd-timesyncd on"
            return Finding("clock", Level.WARNING, text)
        case None:
            return Finding("clock", Level.FINE, f"{shown}; this system does not tell whether something keeps it right")


def _is_synchronised() -> bool | None:
    """What the kernel says of its clock (adjtimex(2)); None where it cannot be asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # all zero: it changes nothing
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


class Speed(NamedTuple):
    """Bytes a second of a large write, and the seconds of one small write that has reached the disk."""

    bytes_per_second: float
    sync: float


def disk(settings: Settings) -> Finding:
    """Whether there is room in the data directory, and whether it is written as fast as commits need."""
    folder = nearest(settings.data)
    try:
        free = shutil.disk_usage(folder).free
        speed = _speed(folder)
    except OSError as error:
        return Finding("disk", Level.PROBLEM, f"{folder} cannot be written: {error.strerror or error}")
    told = f"{free // MIB} MiB free; {speed.bytes_per_second / MIB:.0f} MiB/s, {speed.sync * 1000:.1f} ms for a commit"
    if free < LEAST_FREE:
        return Finding("disk", Level.PROBLEM, f"{told}: make room, or nothing can be changed any more")
    if free < LITTLE_FREE:
        return Finding("disk", Level.WARNING, f"{told}: make room soon; journal.max_size bounds the journal")
    if speed.sync > SLOW_SYNC or speed.bytes_per_second < SLOW_WRITE:
        return Finding("disk", Level.WARNING, f"{told}: every change waits for that; a faster disk would help")
    return Finding("disk", Level.FINE, told)


def _speed(folder: Path) -> Speed:
    """By a file that is gone afterwards. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        block, began = os.urandom(MIB), time.perf_counter()
        for _ in range(4):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        rate = 4 * MIB / max(1e-9, time.perf_counter() - began)
        return Speed(rate, statistics.median(_sync(file.fileno()) for _ in range(SYNCS)))


def _sync(descriptor: int) -> float:
    began = time.perf_counter()
    os.write(descriptor, bytes(4096))
    os.fsync(descriptor)
    return time.perf_counter() - began


def locks(settings: Settings) -> Finding:
    """Whether a file lock of one process holds back another one, where the databases lie."""
    folder = nearest(settings.data)
    kind = file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        text = f"{folder} is on {kind}: databases are damaged there sooner or later; move it to a disk of this machine"
        return Finding("locks", Level.PROBLEM, text)
    try:
        held = _lock_holds(folder)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("locks", Level.PROBLEM, f"no file in {folder} can be locked: {error}; move it to another disk")
    if not held:
        text = f"two processes can lock one file of {folder} ({kind}): commits would be lost; move it to another disk"
        return Finding("locks", Level.PROBLEM, text)
    return Finding("locks", Level.FINE, f"they hold on {kind}")


def _lock_holds(folder: Path) -> bool:
    """Raises OSError and SubprocessError."""
    import fcntl  # noqa: PLC0415 - not on every system, and this is the one use

    with tempfile.NamedTemporaryFile(dir=folder) as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        command = [sys.executable, "-I", "-c", _TRY_LOCK, file.name]
        return subprocess.run(command, timeout=10, check=False, capture_output=True).returncode == _REFUSED


def file_system(folder: Path) -> str:
    """What file system the folder is on, by /proc/self/mountinfo (proc(5)); "unknown" where that is not told."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
        target = folder.resolve()
    except OSError:
        return "unknown"
    best, kind = -1, "unknown"
    for line in lines:
        left, _, right = line.partition(" - ")
        point = Path(left.split()[4].encode(errors="surrogateescape").decode("unicode_escape"))
        depth = len(point.parts)
        if depth >= best and (point == target or point in target.parents):
            best, kind = depth, right.split()[0]
    return kind


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: where it would be made."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())
