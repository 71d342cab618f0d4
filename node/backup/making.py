"""Makes a backup: copies, a look at each copy, the manifest, and one file that is there whole or not at all."""

import contextlib
import fcntl
import glob
import hashlib
import os
import platform
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from node.backup import names
from node.backup.archive import END, PIECE, Member, Sink, header, padding
from node.backup.databases import Progress, copy_database, inspect_database
from node.backup.errors import BackupError
from node.backup.manifest import FileEntry, Manifest, Schema, encode
from node.backup.sealed import Header, SealedWriter
from node.private_file import sync_directory


@dataclass(frozen=True, slots=True)
class Seal:
    """The key of one sealed backup, and the header that holds it as the vault has sealed it."""

    key: bytes
    header: Header

    def __repr__(self) -> str:
        return "Seal(…)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is backed up. `settings` is the settings file in use, wherever it lies; `box` the node's fingerprint."""

    data: Path
    settings: Path | None
    box: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is on the disk."""

    path: Path
    size: int
    sha256: str
    """Of the whole file."""
    sealed: bool
    manifest: Manifest


def make_backup(wanted: Wanted, target: Path, seal: Seal | None, progress: Progress) -> Made:
    """Write a backup to `target`, where no file may be. Raises BackupError, and leaves nothing behind then."""
    if os.path.lexists(target):
        raise BackupError(f"{target} exists already; a backup takes the place of none")
    try:
        with _workspace(target) as work:
            manifest = _gather(wanted, work, progress, with_keys=seal is not None)
            archive = work / "archive"
            digest = _write(archive, work, manifest, seal, progress)
            size = archive.stat().st_size
            archive.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror or error}") from None
    return Made(target, size, digest, seal is not None, manifest)


def _gather(wanted: Wanted, work: Path, progress: Progress, *, with_keys: bool) -> Manifest:
    """Copy everything into the workspace."""
    (work / "secrets").mkdir(mode=0o700)
    found, schemas, left_out = [], {}, []
    for name in names.DATABASES:
        source = wanted.data / name
        if source.is_file():
            copy_database(source, work / name, progress)
            schemas[name] = inspect_database(work / name)
            found.append(name)
    if names.DATABASE not in found:
        raise BackupError(f"{wanted.data} has no database yet: there is nothing to back up")
    for name in (*names.FILES, *names.OPEN_KEYS):
        file = wanted.settings if name == names.SETTINGS else wanted.data / name
        if file is None or not os.path.lexists(file):
            continue
        if name in names.OPEN_KEYS and not with_keys:
            left_out.append(name)
        else:
            _copy_file(file, work / name)
            found.append(name)
    return _manifest(wanted, work, found, schemas, left_out)


def _manifest(
    wanted: Wanted, work: Path, found: list[str], schemas: dict[str, Schema], left_out: list[str]
) -> Manifest:
    return Manifest(
        made_at=int(time.time()),
        alknet=version("alknet"),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        box=wanted.box,
        schemas=schemas,
        files=[FileEntry(name=name, size=(work / name).stat().st_size, sha256=_digest(work / name)) for name in found],
        left_out=left_out,
    )


def _copy_file(source: Path, target: Path) -> None:
    """A small file as it is at one moment. Raises OSError, BackupError."""
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BackupError(f"{source} is not a file")
        data = file.read(names.LONGEST_FILE + 1)
    if len(data) > names.LONGEST_FILE:
        raise BackupError(f"{source} is longer than {names.LONGEST_FILE} bytes")
    made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(made, "wb") as file:
        file.write(data)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Counting:
    """A sink that knows the hash of what went through."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.hash.update(data)
        self._sink.write(data)


def _write(archive: Path, work: Path, manifest: Manifest, seal: Seal | None, progress: Progress) -> str:
    """Write the archive durably; the hash of it."""
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        counting = _Counting(file)
        if seal is None:
            _write_members(counting, work, manifest, progress)
        else:
            writer = SealedWriter(counting, seal.key, seal.header)
            _write_members(writer, work, manifest, progress)
            writer.finish()
        file.flush()
        os.fsync(descriptor)
    return counting.hash.hexdigest()


def _write_members(sink: Sink, work: Path, manifest: Manifest, progress: Progress) -> None:
    raw = encode(manifest)
    sink.write(header(Member(names.MANIFEST, len(raw), manifest.made_at)) + raw + padding(len(raw)))
    done = 0
    for entry in manifest.files:
        sink.write(header(Member(entry.name, entry.size, manifest.made_at)))
        with (work / entry.name).open("rb") as file:
            while piece := file.read(PIECE):
                sink.write(piece)
                done += len(piece)
                progress("writing", done, manifest.total)
        sink.write(padding(entry.size))
    sink.write(END)


@contextlib.contextmanager
def _workspace(target: Path) -> Iterator[Path]:
    """A private directory beside the target, on the same file system, gone afterwards. Raises OSError.

    It is locked while it is in use: those that are not were left by a process that was killed, and are cleared.
    """
    for left in target.parent.glob(f".{glob.escape(target.name)}.{'[0-9a-f]' * 16}"):
        _clear_if_left(left)
    work = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    work.mkdir(mode=0o700)
    descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(descriptor)


def clear_left(directory: Path) -> None:
    """Take away what killed backups have left in a directory that is for backups alone."""
    for left in directory.glob(f".*.tar*.{'[0-9a-f]' * 16}"):
        _clear_if_left(left)


def _clear_if_left(work: Path) -> None:
    try:
        descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(work, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
