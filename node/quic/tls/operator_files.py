"""The certificate that an operator gives the node: the two files that it is in, and how long it is good for."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from node.core.file_signature import Signature, file_signature
from node.quic.tls.credentials import Certified
from node.quic.tls.keys import KeyFileError
from node.quic.tls.pem import read_certified

NOTICE = datetime.timedelta(days=14)
"""How long before its end a certificate is spoken of; but at most a quarter of its life, as some live for days only."""

Signatures = tuple[Signature | None, ...]


@dataclass(frozen=True, slots=True)
class OperatorFiles:
    """The operator's certificate chain and private key; both may be in one file."""

    certificate: Path
    key: Path

    def load(self) -> Certified:
        """What the files hold now, expired or not. Raises KeyFileError."""
        try:
            return read_certified(self.certificate, self.key)
        except FileNotFoundError as error:
            raise KeyFileError(Path(error.filename), "there is no such file") from None

    def load_current(self, now: datetime.datetime | None = None) -> Certified:
        """The same, but a certificate outside its time is an error. Raises KeyFileError."""
        certified = self.load()
        if problem := out_of_time(certified, now):
            raise KeyFileError(self.certificate, problem)
        return certified

    def signature(self) -> Signatures:
        """Differs after any change: of content, of a link's target, of owner or mode."""
        return tuple(file_signature(path) for path in (self.certificate, self.key))


def operator_files(certificate: Path | None, key: Path | None) -> OperatorFiles | None:
    """Those that are named, if any; without a file of its own the key is in the certificate's."""
    return None if certificate is None else OperatorFiles(certificate, key or certificate)


def out_of_time(certified: Certified, now: datetime.datetime | None = None) -> str | None:
    """What is wrong with the dates of the leaf."""
    now = now or datetime.datetime.now(datetime.UTC)
    if now > certified.leaf.not_valid_after_utc:
        return f"has expired on {certified.leaf.not_valid_after_utc:%Y-%m-%d}"
    if now < certified.leaf.not_valid_before_utc:
        return f"is not valid before {certified.leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    return None


def soon_over(certified: Certified, now: datetime.datetime | None = None) -> str | None:
    """That the end of the leaf is near, where it should have been replaced by now."""
    now = now or datetime.datetime.now(datetime.UTC)
    begin, end = certified.leaf.not_valid_before_utc, certified.leaf.not_valid_after_utc
    if end - now > min(NOTICE, (end - begin) / 4):
        return None
    return f"expires on {end:%Y-%m-%d %H:%M} UTC"
