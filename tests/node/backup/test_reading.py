"""A backup gives back what went in; anything that somebody has changed about it is refused, and nothing is used."""

import json
import os
import tarfile
from collections.abc import Callable
from copy import copy
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.backup.errors import BackupError, KeyNeeded, NotABackup, Unfit
from node.backup.reading import header_of
from node.backup.sealed import CHUNK, MAGIC, TAG, SealedReader, read_open_header
from tests.support.backups import KEY, Member, data_of, made, mark_in, members, rewritten, unpacked
from tests.support.custody import IDENTITY

NAMES = ["alknet.db", "node.db", "secrets/vault.json", "alknet.toml"]
KEYS = ["secrets/node_certificate.pem", "secrets/token_key"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def plain(place: Path) -> Path:
    return made(data_of(place / "data", "it"), place / "plain.tar").path


@pytest.fixture(scope="module")
def sealed(plain: Path) -> Path:
    return made(plain.parent / "data", plain.parent / "sealed.tar", sealed=True).path


@pytest.fixture
def copied(plain: Path, tmp_path: Path) -> Path:
    (tmp_path / "copy.tar").write_bytes(plain.read_bytes())
    return tmp_path / "copy.tar"


def test_everything_comes_back(plain: Path, tmp_path: Path) -> None:
    manifest = unpacked(plain, tmp_path / "out").manifest
    assert [entry.name for entry in manifest.files] == NAMES
    assert (manifest.box, manifest.left_out) == (IDENTITY, KEYS)
    assert [mark_in(tmp_path / "out" / name) for name in NAMES[:2]] == ["it", "it"], "changes in the log come along"
    assert all(oct(file.stat().st_mode & 0o777) == "0o600" for file in (tmp_path / "out").rglob("*.*"))


def test_it_is_one_file_for_its_owner_alone_and_any_tar_reads_it(plain: Path) -> None:
    assert plain.stat().st_mode & 0o777 == 0o600
    assert [info.name for info, _ in members(plain)] == ["manifest.json", *NAMES]
    assert not list(plain.parent.glob(".*"))


def test_a_sealed_one_has_keys_too_and_says_nothing_but_whose_it_is(sealed: Path, tmp_path: Path) -> None:
    assert not [name for name in (*NAMES, "manifest") if name.encode() in sealed.read_bytes()]
    header = header_of(sealed)
    assert header is not None
    assert header.box == IDENTITY
    found = unpacked(sealed, tmp_path / "out")
    assert (found.sealed, found.manifest.left_out) == (True, [])
    assert {(tmp_path / "out" / name).read_text() for name in KEYS} == {"# it\n"}


def test_another_key_opens_nothing(sealed: Path, tmp_path: Path) -> None:
    with pytest.raises(NotABackup, match="cannot be opened"):
        unpacked(sealed, tmp_path / "out", lambda _: bytes(32))

    def refuse(_: object) -> bytes:
        raise KeyNeeded("its words")

    with pytest.raises(KeyNeeded):
        unpacked(sealed, tmp_path / "again", refuse)


def renamed(name: str) -> Callable[[list[Member]], list[Member]]:
    def change(parts: list[Member]) -> list[Member]:
        parts[1][0].name = name
        return parts

    return change


def of_kind(kind: bytes) -> Callable[[list[Member]], list[Member]]:
    def change(parts: list[Member]) -> list[Member]:
        parts[3][0].type, parts[3][0].linkname, parts[3][0].size = kind, "/etc/passwd", 0
        return parts

    return change


def in_manifest(**changes: object) -> Callable[[list[Member]], list[Member]]:
    """Whatever the manifest says otherwise, of itself or of its first file."""

    def change(parts: list[Member]) -> list[Member]:
        values = json.loads(parts[0][1])
        target = values["files"][0] if {"name", "size", "sha256"} & changes.keys() else values
        target.update(changes)
        raw = json.dumps(values).encode()
        parts[0][0].size = len(raw)
        return [(parts[0][0], raw), *parts[1:]]

    return change


def doubled_in_manifest(parts: list[Member]) -> list[Member]:
    entry = json.loads(parts[0][1])["files"][0]
    return in_manifest(files=[entry, entry])(parts)


def mode(parts: list[Member]) -> list[Member]:
    parts[1][0].mode = 0o4755
    return parts


def further(parts: list[Member]) -> list[Member]:
    extra = copy(parts[3][0])
    extra.name = "secrets/web_secret_key"
    return [*parts, (extra, parts[3][1])]


HOSTILE: dict[str, Callable[[list[Member]], list[Member]]] = {
    "a path upwards": renamed("../../etc/cron.d/x"),
    "an absolute path": renamed("/etc/cron.d/x"),
    "another name": renamed("secrets/web_secret_key"),
    "a name of its own case": renamed("ALKNET.DB"),
    "a symbolic link": of_kind(tarfile.SYMTYPE),
    "a hard link": of_kind(tarfile.LNKTYPE),
    "a device": of_kind(tarfile.CHRTYPE),
    "a directory": of_kind(tarfile.DIRTYPE),
    "a pipe": of_kind(tarfile.FIFOTYPE),
    "a sparse file": of_kind(tarfile.GNUTYPE_SPARSE),
    "another mode": mode,
    "a file twice": lambda parts: [*parts, parts[1]],
    "a further file": further,
    "a missing file": lambda parts: parts[:-1],
    "another order": lambda parts: [parts[0], parts[2], parts[1], *parts[3:]],
    "no manifest": lambda parts: parts[1:],
    "a manifest that is not first": lambda parts: [parts[1], parts[0], *parts[2:]],
    "nothing": lambda _: [],
    "another size in the manifest": in_manifest(size=1),
    "a size that no disk has": in_manifest(size=2**61),
    "a negative size": in_manifest(size=-1),
    "another hash": in_manifest(sha256="0" * 64),
    "no hash": in_manifest(sha256="x"),
    "a path in the manifest": in_manifest(name="../alknet.db"),
    "a file twice in the manifest": doubled_in_manifest,
    "an unknown field": in_manifest(comment="hello"),
    "no files": in_manifest(files=[]),
    "a newer format": in_manifest(version=2),
    "another format": in_manifest(format="tar"),
    "another time": in_manifest(made_at=1),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing_elsewhere(
    copied: Path, tmp_path: Path, change: Callable[[list[Member]], list[Member]]
) -> None:
    rewritten(copied, change(members(copied)))
    with pytest.raises((NotABackup, Unfit)):
        unpacked(copied, tmp_path / "in" / "out")
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    assert written <= {"copy.tar", *(f"in/out/{name}" for name in NAMES)}


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT], ids=["pax", "ustar"])
def test_the_spelling_of_another_program_is_refused(copied: Path, tmp_path: Path, kind: int) -> None:
    parts = members(copied)
    parts[1][0].pax_headers = {"path": "/etc/passwd"}
    parts[1][0].uname = "root"
    rewritten(copied, parts, kind)
    with pytest.raises(NotABackup):
        unpacked(copied, tmp_path / "out")


def test_what_comes_after_the_end_is_refused(copied: Path, tmp_path: Path) -> None:
    copied.write_bytes(copied.read_bytes() + b"x")
    with pytest.raises(NotABackup, match="after its end"):
        unpacked(copied, tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"", b"x", bytes(512), bytes(1024), b"PK\x03\x04" * 200, b"alknet sealed backup\n"]
)
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(NotABackup):
        unpacked(tmp_path / "it", tmp_path / "out")


def test_a_pipe_holds_up_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotABackup, match="not a file"):
        unpacked(tmp_path / "pipe", tmp_path / "out")


@given(share=st.floats(0, 1, exclude_max=True), which=st.sampled_from(["plain", "sealed"]))
def test_a_backup_that_was_cut_short_is_refused(
    plain: Path, sealed: Path, tmp_path_factory: pytest.TempPathFactory, share: float, which: str
) -> None:
    whole = {"plain": plain, "sealed": sealed}[which].read_bytes()
    place = tmp_path_factory.mktemp("cut")
    (place / "it").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BackupError):
        unpacked(place / "it", place / "out")


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_a_sealed_one_that_was_cut_between_two_chunks_is_refused(sealed: Path, chunks: int) -> None:
    whole = sealed.read_bytes()
    start = len(MAGIC) + 4 + int.from_bytes(whole[len(MAGIC) : len(MAGIC) + 4], "big")
    cut = BytesIO(whole[: start + chunks * (CHUNK + TAG)])
    cut.seek(len(MAGIC))
    reader = SealedReader(cut, read_open_header(cut), KEY)
    with pytest.raises(NotABackup, match="cut short"):
        while reader.read(CHUNK):
            pass


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_bit_of_a_sealed_one_counts(
    sealed: Path, tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    changed = bytearray(sealed.read_bytes())
    changed[int(len(changed) * place)] ^= 1 << bit
    where = tmp_path_factory.mktemp("changed")
    (where / "it").write_bytes(changed)
    with pytest.raises(BackupError):
        unpacked(where / "it", where / "out")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_changed_bit_of_a_plain_one_changes_a_file(
    plain: Path, tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    """What the manifest says of versions is nobody's proof; what a file holds is."""
    changed = bytearray(plain.read_bytes())
    changed[int(len(changed) * place)] ^= 1 << bit
    where = tmp_path_factory.mktemp("changed")
    (where / "it").write_bytes(changed)
    try:
        unpacked(where / "it", where / "out")
    except BackupError:
        return
    for info, content in members(plain)[1:]:
        assert (where / "out" / info.name).read_bytes() == content
