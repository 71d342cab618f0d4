"""The root that has the buckets in it."""

import os
import stat
import time

from node.handlers.sftp.backend import Listing
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.packets import Entry
from node.handlers.sftp.directory.facts import attributes_of, entry_of


class RootListing(Listing):
    """The buckets that a client may see."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._left = (".", "..", *names)

    async def more(self) -> tuple[Entry, ...]:
        names, self._left = self._left, ()
        status = _status()
        return tuple(entry_of(name.encode(), status) for name in names)

    async def close(self) -> None:
        return None


def root_attributes() -> Attributes:
    return attributes_of(_status())


def _status() -> os.stat_result:
    """A directory that everybody can look at, and nobody change; buckets look the same from here."""
    now = int(time.time())
    return os.stat_result((stat.S_IFDIR | 0o555, 0, 0, 2, 0, 0, 0, now, now, now))
