"""What the engines have in common that offer asyncio's streams: their face to the workload, and a certificate."""

import asyncio
import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID


class AsyncioStream:
    """One stream as a `Duplex`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, limit: int = 65_536, /) -> bytes:
        return await self._reader.read(limit)

    async def write(self, data: bytes, /) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def finish(self) -> None:
        self._writer.write_eof()


def self_signed(private: Ed25519PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private, None)
    )
