"""aioquic's source distribution, which must be exactly the one that this was written for."""

import hashlib
import tarfile
from pathlib import Path

from tools import BuildTools, ToolsMissing

from node.quic.version import WANTED

SHA256 = {"1.7.2": "4def7cb0a692dc12c995cc397a93f41b78cc30b7bf078769c3a3bb1ba9dcf362"}
"""Of the archive, by version."""


class SourceRefused(Exception):
    """The source is not to be had, or is another one."""


def fetch_source(tools: BuildTools, scratch: Path) -> Path:
    """Download, verify and unpack; gives the directory. pip checks the same hash before it runs anything of it."""
    digest = SHA256.get(WANTED)
    if digest is None:
        raise SourceRefused(f"no digest of aioquic {WANTED} is recorded in {Path(__file__).name}")
    wanted = scratch / "source.txt"
    wanted.write_text(f"aioquic=={WANTED} --hash=sha256:{digest}\n")
    options = ("--no-deps", "--no-build-isolation", "--no-binary", "aioquic", "--require-hashes")
    try:
        tools.pip("download", *options, "--requirement", str(wanted), "--dest", str(scratch / "source"))
    except ToolsMissing as error:
        raise SourceRefused(f"the source of aioquic {WANTED} cannot be had, or is not what it was: {error}") from None
    return unpack(next((scratch / "source").glob("aioquic-*.tar.gz")), digest)


def unpack(archive: Path, digest: str) -> Path:
    """The directory of the source, beside its archive. Raises SourceRefused where the digest is another one."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != digest:
        raise SourceRefused(f"{archive.name} has the SHA-256 {found}, and {digest} is expected")
    with tarfile.open(archive) as opened:
        opened.extractall(archive.parent, filter="data")
    return archive.parent / archive.name.removesuffix(".tar.gz")
