"""The nodes that a user trusts: a text file with one line for each, its address and the fingerprint of its key.

A node is written here only by `alknet trust`. Nothing is ever trusted because it answered first.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from node.core.address import AddressFormatError, format_host_port, parse_host_port
from node.core.fingerprint import is_fingerprint
from node.private_file import private_directory, replace_private

DEFAULT_PORT = 4433
MAX_FILE = 1024 * 1024
"""Longest file that is read, in bytes."""
_HEADING = "# Nodes trusted by this user: ADDRESS FINGERPRINT. Written by `alknet trust`.\n"


class KnownNodesError(Exception):
    """The file cannot be used; nothing was changed."""


class AnotherKeyTrusted(KnownNodesError):
    """The address is trusted with another key already."""

    def __init__(self, address: str, fingerprint: str) -> None:
        super().__init__(
            f"{address} is trusted with another key, {fingerprint}; if the node has a new key, "
            f"remove the old one first: alknet trust --remove {address}"
        )


def normal_address(text: str) -> str:
    """The one spelling under which an address is kept: lower case, with its port. Raises AddressFormatError."""
    return format_host_port(parse_host_port(text.lower(), DEFAULT_PORT))


class KnownNodes:
    """The file at `path`. Each change is made under a lock and replaces the file as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, str]:
        """Fingerprints by address; empty where there is no file. Raises KnownNodesError naming a damaged line."""
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise KnownNodesError(f"{self._path}: cannot be read: {error.strerror}") from None
        if len(raw) > MAX_FILE:
            raise KnownNodesError(f"{self._path}: longer than {MAX_FILE} bytes")
        return dict(self._parse(raw))

    def fingerprint_of(self, address: str) -> str | None:
        return self.all().get(normal_address(address))

    def trust(self, address: str, fingerprint: str) -> None:
        """Remember the key of an address. Raises AnotherKeyTrusted where it has another one."""
        address = normal_address(address)
        with self._locked():
            nodes = self.all()
            if nodes.get(address, fingerprint) != fingerprint:
                raise AnotherKeyTrusted(address, nodes[address])
            self._write({**nodes, address: fingerprint})

    def remove(self, address: str) -> bool:
        """Forget an address. False where it was not trusted."""
        address = normal_address(address)
        with self._locked():
            nodes = self.all()
            if nodes.pop(address, None) is None:
                return False
            self._write(nodes)
            return True

    def _parse(self, raw: bytes) -> Iterator[tuple[str, str]]:
        for number, line in enumerate(raw.split(b"\n"), start=1):
            if line.strip() and not line.startswith(b"#"):
                yield self._entry(number, line)

    def _entry(self, number: int, line: bytes) -> tuple[str, str]:
        try:
            address, fingerprint = line.decode().split()
            if is_fingerprint(fingerprint):
                return normal_address(address), fingerprint
        except (ValueError, AddressFormatError):
            pass
        raise KnownNodesError(f"{self._path} line {number}: expected ADDRESS FINGERPRINT")

    def _write(self, nodes: Mapping[str, str]) -> None:
        lines = (f"{address} {fingerprint}\n" for address, fingerprint in sorted(nodes.items()))
        try:
            replace_private(self._path, (_HEADING + "".join(lines)).encode())
        except OSError as error:
            raise KnownNodesError(f"{self._path}: cannot be written: {error.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two commands at once must not lose each other's entry."""
        beside = self._path.with_name(f".{self._path.name}.lock")
        try:
            private_directory(self._path.parent)
            file = beside.open("w")
        except OSError as error:
            raise KnownNodesError(f"{beside}: cannot be written: {error.strerror}") from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
