"""The first thing in a backup: what is in it, where it is from, and by which hashes that can be checked."""

import json
from typing import Annotated

import msgspec
from msgspec import Meta

from node.backup import names
from node.backup.errors import NotABackup, Unfit

FORMAT = "alknet-backup"
VERSION = 1
LONGEST = 256 * 1024
"""Bytes of a manifest; a real one has some thousand."""

Size = Annotated[int, Meta(ge=0, le=2**62)]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Text = Annotated[str, Meta(max_length=200)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class FileEntry(_Strict, frozen=True, kw_only=True):
    """One file: its path below the data directory, its bytes, and their SHA-256."""

    name: Text
    size: Size
    sha256: Sha256


class Schema(_Strict, frozen=True, kw_only=True):
    """How far a database has come: SQLite's user_version, and Django's migrations as [app, name]."""

    user_version: int = 0
    migrations: Annotated[list[tuple[Text, Text]], Meta(max_length=2000)] = []


class Manifest(_Strict, frozen=True, kw_only=True):
    """All that a backup says of itself. `files` are in the archive in this order."""

    format: str = FORMAT
    version: int = VERSION
    made_at: Annotated[int, Meta(ge=0, lt=253_402_300_800)]
    """Unix seconds."""
    alknet: Text
    """Versions that made it."""
    python: Text
    sqlite: Text
    box: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9]+:[0-9a-f]{64}\Z")] | None
    """The fingerprint of the node whose words these are; None where there was no vault yet."""
    schemas: dict[str, Schema]
    files: Annotated[list[FileEntry], Meta(min_length=1, max_length=len(names.ALL))]
    left_out: Annotated[list[Text], Meta(max_length=len(names.ALL))] = []
    """What lies in the data directory, and only a sealed backup would have."""

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)


def encode(manifest: Manifest) -> bytes:
    """The bytes of manifest.json."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(data: bytes) -> Manifest:
    """The manifest in these bytes, each name and size within bounds. Raises NotABackup, Unfit."""
    try:
        seen = json.loads(data)
    except (ValueError, RecursionError):
        raise NotABackup("its manifest is damaged: no JSON object") from None
    if not isinstance(seen, dict) or seen.get("format") != FORMAT:
        raise NotABackup("it is no backup of Alknet")
    if (version := seen.get("version")) != VERSION:
        raise Unfit(f"it has format {version!r:.20}; this version of Alknet reads format {VERSION} only")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (ValueError, RecursionError) as error:
        raise NotABackup(f"its manifest is damaged: {error}") from None
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    found = [entry.name for entry in manifest.files]
    if unknown := [name for name in [*found, *manifest.schemas, *manifest.left_out] if name not in names.ALL]:
        raise NotABackup(f"its manifest names a file that no backup has: {unknown[0]!r:.120}")
    if len(set(found)) != len(found):
        raise NotABackup("its manifest names a file twice")
    if names.DATABASE not in found:
        raise NotABackup(f"it holds no {names.DATABASE}")
    for entry in manifest.files:
        if entry.size > names.longest(entry.name):
            raise NotABackup(f"{entry.name} would have {entry.size} bytes; {names.longest(entry.name)} are taken")
