"""Relinking, on wheels laid out like honker's and on wheels that are not."""

import base64
import csv
import hashlib
import importlib.util
import io
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "relink_honker.py"
LIBRARY = "libsqlite3-f2cd05de.so.0"
NATIVE = b"\x7fELF\0needs\0" + LIBRARY.encode() + b"\0libc.so.6\0"


@pytest.fixture(scope="module")
def relink() -> ModuleType:
    import sys

    spec = importlib.util.spec_from_file_location("relink_honker", SCRIPT)
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(path: Path, *, native: bytes = NATIVE, libraries: tuple[str, ...] = (LIBRARY,)) -> Path:
    info = "honker-1.2.3.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("honker/__init__.py", "version = 'Version: 1.2.3'\n")
        archive.writestr("honker/_honker_native.abi3.so", native)
        for library in libraries:
            archive.writestr(f"honker.libs/{library}", b"a whole SQLite")
        archive.writestr(f"{info}/METADATA", "Name: honker\nVersion: 1.2.3\n\nVersion: 1.2.3 is good\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: cp311-abi3-manylinux_2_38_x86_64\n")
        archive.writestr(f"{info}/RECORD", "stale\n")
    return path


def test_the_result_uses_the_systems_library_and_nothing_else_changed(relink: ModuleType, tmp_path: Path) -> None:
    target = relink.Target("1.2.3", "x86_64")
    made = tmp_path / target.file_name
    relink.relink(wheel(tmp_path / "published.whl"), made, target)
    info = "honker-1.2.3+syssqlite.dist-info"
    with zipfile.ZipFile(made) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert set(contents) == {
        "honker/__init__.py",
        "honker/_honker_native.abi3.so",
        *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD")),
    }
    native = contents["honker/_honker_native.abi3.so"]
    assert len(native) == len(NATIVE)
    assert native.split(b"\0")[2] == b"libsqlite3.so.0"
    assert native.endswith(b"\0libc.so.6\0")
    assert contents["honker/__init__.py"] == b"version = 'Version: 1.2.3'\n"
    assert b"\nVersion: 1.2.3+syssqlite\n\nVersion: 1.2.3 is good" in contents[f"{info}/METADATA"]
    assert b"Tag: cp311-abi3-manylinux_2_34_x86_64" in contents[f"{info}/WHEEL"]


def test_the_record_names_every_file_with_its_hash(relink: ModuleType, tmp_path: Path) -> None:
    target = relink.Target("1.2.3", "x86_64")
    relink.relink(wheel(tmp_path / "published.whl"), tmp_path / "made.whl", target)
    record = "honker-1.2.3+syssqlite.dist-info/RECORD"
    with zipfile.ZipFile(tmp_path / "made.whl") as archive:
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(archive.read(record).decode()))}
        assert set(rows) == set(archive.namelist())
        assert rows.pop(record) == ["", ""]
        for name, (digest, size) in rows.items():
            data = archive.read(name)
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            assert (digest, int(size)) == (f"sha256={expected}", len(data))


@pytest.mark.parametrize(
    ("native", "libraries"),
    [
        (NATIVE, ()),
        (NATIVE, (LIBRARY, "libother.so.1")),
        (NATIVE, ("libsqlcipher.so.0",)),
        (NATIVE.replace(b"libsqlite3", b"libsomelse"), (LIBRARY,)),
        (NATIVE + NATIVE, (LIBRARY,)),
    ],
)
def test_a_wheel_of_another_layout_is_refused(
    relink: ModuleType, tmp_path: Path, native: bytes, libraries: tuple[str, ...]
) -> None:
    published = wheel(tmp_path / "published.whl", native=native, libraries=libraries)
    with pytest.raises(relink.UnexpectedWheel):
        relink.relink(published, tmp_path / "made.whl", relink.Target("1.2.3", "x86_64"))


def test_the_version_is_the_pinned_one(relink: ModuleType) -> None:
    constraints = (SCRIPT.parents[1] / "constraints.txt").read_text()
    assert f"honker=={relink.pinned_version(constraints)}\n" in constraints
    with pytest.raises(relink.UnexpectedWheel):
        relink.pinned_version("honker>=1\nhonker-extra==2\n")


def test_a_wheel_that_is_there_is_left_alone(
    relink: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "constraints.txt").write_text("honker==1.2.3\n")
    target = relink.Target("1.2.3", relink.platform.machine())
    (tmp_path / target.file_name).write_bytes(b"made before")
    monkeypatch.setattr(relink, "download", lambda *_: pytest.fail("nothing is to be fetched"))
    relink.main(tmp_path / "constraints.txt", tmp_path)
    assert (tmp_path / target.file_name).read_bytes() == b"made before"
