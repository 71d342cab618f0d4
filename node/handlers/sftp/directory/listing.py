"""The names of one directory, some at a time, for a thread."""

import os
from collections.abc import Iterator

from node.handlers.sftp.backend import PAGE
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.packets import Entry
from node.handlers.sftp.directory.facts import entry_of, seen

MAX_ENTRIES = 128
"""Names that are told at a time."""
_BESIDES = 40
"""Bytes of an entry that are not its two names."""


class HeldListing:
    """A descriptor of a directory, and how far it was read. One thread at a time."""

    def __init__(self, descriptor: int) -> None:
        """The descriptor is this one's to close, from now on."""
        self._descriptor = descriptor
        self._entries = os.scandir(descriptor)
        self._names = self._all_names()

    def more(self) -> tuple[Entry, ...]:
        """The next names; () once there are no more."""
        told: list[Entry] = []
        size = 0
        for name in self._names:
            if (entry := self._entry(name)) is not None:
                told.append(entry)
                size += _BESIDES + len(entry.filename) + len(entry.longname)
            if len(told) >= MAX_ENTRIES or size >= PAGE:
                break
        return tuple(told)

    def close(self) -> None:
        self._entries.close()
        os.close(self._descriptor)

    def _entry(self, name: bytes) -> Entry | None:
        """None where it is gone since; its name alone where no more can be told."""
        try:
            return entry_of(name, self._status_of(name))
        except FileNotFoundError:
            return None
        except OSError:
            return Entry(name, seen(name), Attributes())

    def _status_of(self, name: bytes) -> os.stat_result:
        """The directory above is not looked at, which may be outside the tree: it is told as this one."""
        if name == b"..":
            return os.fstat(self._descriptor)
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def _all_names(self) -> Iterator[bytes]:
        yield from (b".", b"..")
        for entry in self._entries:
            yield os.fsencode(entry.name)
