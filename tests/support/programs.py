"""ngtcp2's example programs, on GnuTLS (Debian packages ngtcp2-client and ngtcp2-server). They speak HTTP/3."""

import asyncio
import contextlib
import datetime
import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

TLS13 = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL"
CHACHA20_ONLY = f"--ciphers={TLS13}:+CHACHA20-POLY1305"
QUIET = ("--quiet", "--no-quic-dump", "--no-http-dump")


@contextlib.asynccontextmanager
async def running(
    *command: str, output: int | IO[bytes] = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process whose output can be read, or goes to a file; ended with the block."""
    process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=asyncio.subprocess.STDOUT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def certificate(directory: Path) -> tuple[Path, Path, str]:
    """The files of a fresh P-256 key and its self-signed certificate, and the pin of the latter."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    leaf = builder.sign(private, hashes.SHA256())
    key_file, leaf_file = directory / "key.pem", directory / "leaf.pem"
    key_file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    leaf_file.write_bytes(leaf.public_bytes(Encoding.PEM))
    return key_file, leaf_file, "SHA256:" + hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def listening(port: int) -> None:
    """Wait until the port is taken; it says nothing when it is."""
    async with asyncio.timeout(60):
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return
            await asyncio.sleep(0.01)
