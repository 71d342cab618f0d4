"""Reads a backup into a directory, and takes nothing on trust: names, order, sizes, hashes, and what comes after."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from node.backup import names
from node.backup.archive import PIECE, Source, exactly, read_header, skip_padding
from node.backup.databases import Progress
from node.backup.errors import BackupError, NotABackup, Unfit
from node.backup.manifest import LONGEST, FileEntry, Manifest, decode
from node.backup.sealed import MAGIC, Header, OpenHeader, OpenKey, SealedReader, read_open_header

SPARE = 64 * 1024 * 1024
"""Bytes that stay free on the disk beside what is unpacked."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What is in the directory now: each file of the manifest, with the very bytes that it names."""

    manifest: Manifest
    sealed: bool


def unpack(file: Path, into: Path, open_key: OpenKey, progress: Progress) -> Unpacked:
    """Unpack a backup into an empty directory, which has a `secrets`. Raises BackupError; what is there then is waste.

    Nothing is compressed, so the files take no more room than the backup; that there is so much is seen first.
    """
    try:
        with _opened(file) as (raw, opened, size):
            _require_room(into, size)
            source = raw if opened is None else SealedReader(raw, opened, open_key(opened.header))
            manifest = _manifest(source)
            _refuse_other_size(manifest, size)
            _unpack_all(source, manifest, into, progress)
    except OSError as error:
        raise BackupError(f"{file} cannot be unpacked: {error.strerror or error}") from None
    return Unpacked(manifest, opened is not None)


def header_of(file: Path) -> Header | None:
    """What a sealed backup says in the open; None of one that is not sealed. Raises BackupError."""
    try:
        with _opened(file) as (_, opened, _):
            return None if opened is None else opened.header
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror or error}") from None


@contextmanager
def _opened(file: Path) -> Iterator[tuple[Source, OpenHeader | None, int]]:
    """The bytes, after the header of a sealed backup; that header; and the size of the file. Raises OSError."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as source:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotABackup(f"{file} is not a file")
        yield source, _open_header(source), status.st_size


def _open_header(source: BufferedReader) -> OpenHeader | None:
    if source.read(len(MAGIC)) == MAGIC:
        return read_open_header(source)
    source.seek(0)
    return None


def _manifest(source: Source) -> Manifest:
    first = read_header(source)
    if first is None or first.name != names.MANIFEST or first.size > LONGEST:
        raise NotABackup("it does not begin with a manifest")
    raw = exactly(source, first.size)
    skip_padding(source, first.size)
    manifest = decode(raw)
    if manifest.made_at != first.time:
        raise NotABackup("its manifest is damaged: another time than its header's")
    return manifest


def _unpack_all(source: Source, manifest: Manifest, into: Path, progress: Progress) -> None:
    done = 0
    for entry in manifest.files:
        _expect(source, entry, manifest)
        _unpack_one(source, entry, names.below(into, entry.name))
        skip_padding(source, entry.size)
        done += entry.size
        progress("unpacking", done, manifest.total)
    if (more := read_header(source)) is not None:
        raise NotABackup(f"it holds a file that its manifest does not name: {more.name!r:.120}")


def _expect(source: Source, entry: FileEntry, manifest: Manifest) -> None:
    found = read_header(source)
    if found is None:
        raise NotABackup(f"{entry.name} is missing")
    if found.name != entry.name:
        raise NotABackup(f"it holds {found.name!r:.120} where its manifest has {entry.name}")
    if (found.size, found.time) != (entry.size, manifest.made_at):
        raise NotABackup(f"{entry.name} has {found.size} bytes, and {entry.size} in the manifest")


def _unpack_one(source: Source, entry: FileEntry, target: Path) -> None:
    digest, left = hashlib.sha256(), entry.size
    made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(made, "wb") as file:
        while left:
            piece = source.read(min(left, PIECE))
            if not piece:
                raise NotABackup(f"it ends within {entry.name}")
            digest.update(piece)
            file.write(piece)
            left -= len(piece)
    if digest.hexdigest() != entry.sha256:
        raise NotABackup(f"{entry.name} was changed: its SHA-256 is another than the manifest's")


def _require_room(into: Path, size: int) -> None:
    if shutil.disk_usage(into).free < size + SPARE:
        raise Unfit(f"{into} has no room for the {size} bytes of this backup")


def _refuse_other_size(manifest: Manifest, size: int) -> None:
    if manifest.total > size:
        raise NotABackup(f"its manifest names {manifest.total} bytes, and the file has {size}")
