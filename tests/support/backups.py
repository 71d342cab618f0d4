"""Data directories that can be backed up, and backups that somebody has tampered with."""

import io
import sqlite3
import tarfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from node.backup.making import Made, Seal, Wanted, make_backup
from node.backup.reading import Unpacked, unpack
from node.backup.sealed import Header
from node.core.paths import DataPaths
from tests.support.custody import IDENTITY

MIGRATION = ("peers", "0001_initial")
KEY = bytes(range(32))
SCHEMA = f"""
PRAGMA journal_mode=WAL;
CREATE TABLE django_migrations (app TEXT, name TEXT);
INSERT INTO django_migrations VALUES {MIGRATION};
CREATE TABLE peers (peer_id TEXT PRIMARY KEY);
CREATE TABLE keys (peer_id TEXT REFERENCES peers (peer_id));
CREATE TABLE filler AS SELECT zeroblob(200000) AS content;
"""


def data_of(place: Path, mark: str) -> Path:
    """A small data directory, each file of which holds the mark. Its changes stand in a log beside the database yet."""
    paths = DataPaths(place)
    place.mkdir(mode=0o700, exist_ok=True)
    paths.secrets.mkdir(mode=0o700, exist_ok=True)
    marked(paths.database, SCHEMA, mark)
    marked(paths.journal, "PRAGMA journal_mode=WAL; CREATE TABLE peers (peer_id TEXT); PRAGMA user_version=1;", mark)
    for file in (paths.config_file, paths.vault, *keys_of(paths)):
        file.write_text(f"# {mark}\n")
        file.chmod(0o600)
    return place


def keys_of(paths: DataPaths) -> tuple[Path, ...]:
    """The files with a key in the open."""
    return paths.passing_certificate, paths.token_key


def marked(file: Path, schema: str, mark: str) -> None:
    """A database with the mark in its log, left as by a process that was killed."""
    with closing(sqlite3.connect(file)) as database:
        database.executescript(schema)
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("INSERT INTO peers VALUES (?)", [mark])
        kept = {beside: beside.read_bytes() for beside in (file, Path(f"{file}-wal"), Path(f"{file}-shm"))}
    for beside, content in kept.items():
        beside.write_bytes(content)


def mark_in(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        [(mark,)] = database.execute("SELECT peer_id FROM peers").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return str(mark)


def marks(data: Path) -> set[str]:
    """The marks of everything in a data directory: one, where it is of one piece."""
    paths = DataPaths(data)
    texts = {file.read_text().strip("# \n") for file in (paths.config_file, paths.vault, *keys_of(paths))}
    return texts | {mark_in(paths.database), mark_in(paths.journal)}


def quiet(_: str, __: int, ___: int) -> None:
    """Progress that nobody looks at."""


def made(data: Path, target: Path, *, sealed: bool = False) -> Made:
    seal = Seal(KEY, Header(box=IDENTITY, key={"data": "for the vault"})) if sealed else None
    return make_backup(Wanted(data, data / "alknet.toml", IDENTITY), target, seal, quiet)


def unpacked(file: Path, into: Path, open_key: Callable[[Header], bytes] = lambda _: KEY) -> Unpacked:
    (into / "secrets").mkdir(parents=True, exist_ok=True)
    return unpack(file, into, open_key, quiet)


Member = tuple[tarfile.TarInfo, bytes]


def members(file: Path) -> list[Member]:
    with tarfile.open(file) as archive:
        return [(info, (archive.extractfile(info) or io.BytesIO()).read()) for info in archive.getmembers()]


def rewritten(file: Path, parts: Iterable[Member], spelling: int = tarfile.GNU_FORMAT) -> Path:
    """The same file with other members, as any program for tar archives writes them."""
    with tarfile.open(file, "w", format=spelling) as archive:
        for info, content in parts:
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    raw = file.read_bytes().rstrip(b"\0")
    file.write_bytes(raw + bytes(-len(raw) % 512 + 1024))
    return file
