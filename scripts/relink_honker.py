"""Make a honker wheel that uses the machine's own SQLite.

honker's wheels for Linux bundle a libsqlite3. A process that also holds Python's would then have two of them, and two
SQLite libraries on one file lose commits, for POSIX locks belong to the process (docs/adr/0013). The bundled library is
also the only part that asks for a recent C library. So: take the published wheel, point the native module's NEEDED
entry at libsqlite3.so.0, drop the bundled copy, and mark the result with the local version +syssqlite.

Usage: relink_honker.py CONSTRAINTS WHEELHOUSE. Does nothing where the wheel is there already. Standard library and pip.
"""

import base64
import hashlib
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYSTEM_LIBRARY = b"libsqlite3.so.0"
LOCAL_VERSION = "+syssqlite"
PUBLISHED_PLATFORM = "manylinux_2_38"
RELINKED_PLATFORM = "manylinux_2_34"
"""The C library that honker's own code asks for, once the bundled SQLite is gone."""

_NATIVE_MODULE = "_honker_native.abi3.so"
_BUNDLED = re.compile(r"honker\.libs/(libsqlite3-[0-9a-f]+\.so[.0-9]*)")


class UnexpectedWheel(Exception):
    """The wheel is not laid out as this script knows it; relinking blindly would break it."""


@dataclass(frozen=True, slots=True)
class Target:
    """The wheel to make."""

    version: str
    architecture: str

    @property
    def relinked_version(self) -> str:
        return self.version + LOCAL_VERSION

    @property
    def tag(self) -> str:
        return f"cp311-abi3-{RELINKED_PLATFORM}_{self.architecture}"

    @property
    def file_name(self) -> str:
        return f"honker-{self.relinked_version}-{self.tag}.whl"


def main(constraints: Path, wheelhouse: Path) -> None:
    target = Target(pinned_version(constraints.read_text()), platform.machine())
    made = wheelhouse / target.file_name
    if made.exists():
        return
    wheelhouse.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheelhouse) as scratch:
        published = download(target, Path(scratch))
        relinked = Path(scratch) / "relinked.whl"
        relink(published, relinked, target)
        relinked.replace(made)


def pinned_version(constraints: str) -> str:
    """The version of honker that the constraints pin."""
    match = re.search(r"(?m)^honker==([0-9][0-9a-z.]*)\s*$", constraints)
    if match is None:
        raise UnexpectedWheel("the constraints do not pin honker")
    return match[1]


def download(target: Target, directory: Path) -> Path:
    """Fetch the published wheel, also where this machine's C library is too old to install it."""
    wanted = ["--platform", f"{PUBLISHED_PLATFORM}_{target.architecture}", "--python-version", "3.11"]
    abi = ["--implementation", "cp", "--abi", "abi3", "--only-binary=:all:", "--no-deps"]
    pip = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted, *abi, "--dest", str(directory), f"honker=={target.version}"], check=True)
    return next(directory.glob("honker-*.whl"))


def relink(published: Path, relinked: Path, target: Target) -> None:
    """Write `relinked`: the same files without the bundled SQLite, and a RECORD that fits them."""
    records = []
    with zipfile.ZipFile(published) as source, zipfile.ZipFile(relinked, "w", zipfile.ZIP_DEFLATED) as made:
        for info, data in _contents(source, target):
            made.writestr(info, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            records.append(f"{info.filename},sha256={digest},{len(data)}")
        record = f"honker-{target.relinked_version}.dist-info/RECORD"
        made.writestr(record, "\n".join([*records, f"{record},,"]) + "\n")


def _contents(source: zipfile.ZipFile, target: Target) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    bundled, library = _bundled_library(source)
    old, new = (f"honker-{version}.dist-info/" for version in (target.version, target.relinked_version))
    for info in source.infolist():
        name = info.filename
        if name in (bundled, f"{old}RECORD") or info.is_dir():
            continue
        made = zipfile.ZipInfo(name.replace(old, new, 1), info.date_time)
        made.external_attr = info.external_attr
        yield made, _edited(name.removeprefix(old), source.read(info), library, target)


def _bundled_library(source: zipfile.ZipFile) -> tuple[str, bytes]:
    """The bundled SQLite: its path in the wheel, and the name by which the native module asks for it."""
    libraries = [name for name in source.namelist() if name.startswith("honker.libs/") and not name.endswith("/")]
    match = _BUNDLED.fullmatch(libraries[0]) if len(libraries) == 1 else None
    if match is None:
        raise UnexpectedWheel(f"expected one bundled SQLite, found {libraries}")
    return libraries[0], match[1].encode()


def _edited(name: str, data: bytes, library: bytes, target: Target) -> bytes:
    if name.endswith(_NATIVE_MODULE):
        return _point_at_system(data, library)
    if name == "METADATA":
        return data.replace(
            f"\nVersion: {target.version}\n".encode(), f"\nVersion: {target.relinked_version}\n".encode(), 1
        )
    if name == "WHEEL":
        return re.sub(rb"(?m)^Tag: .*$", f"Tag: {target.tag}".encode(), data)
    return data


def _point_at_system(module: bytes, library: bytes) -> bytes:
    """The same bytes with the NEEDED string replaced in place: the new name is shorter, the rest becomes zeros."""
    wanted = library + b"\0"
    if module.count(wanted) != 1:
        raise UnexpectedWheel("the native module does not name its SQLite exactly once")
    return module.replace(wanted, SYSTEM_LIBRARY.ljust(len(wanted), b"\0"))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except (UnexpectedWheel, subprocess.CalledProcessError) as error:
        sys.exit(f"relink_honker: {error}")
