"""The root that has the buckets in it."""

import stat as modes
import time

from node.handlers.sftp.backend import Listing
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.packets import Entry


class RootListing(Listing):
    """The buckets that a client may see."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._left = (".", "..", *names)

    async def more(self) -> tuple[Entry, ...]:
        names, self._left = self._left, ()
        told = root_attributes()
        date = time.strftime("%b %e %H:%M", time.gmtime((told.times or (0, 0))[1]))
        line = f"{modes.filemode(told.permissions or 0)}    2 0        0                   0 {date} "
        return tuple(Entry(name.encode(), (line + name).encode(), told) for name in names)

    async def close(self) -> None:
        return None


def root_attributes() -> Attributes:
    """A directory that everybody can look at, and nobody change."""
    now = int(time.time())
    return Attributes(size=0, owner=(0, 0), permissions=modes.S_IFDIR | 0o555, times=(now, now))
