"""Paths as clients write them, and the names that they are made of.

`.` and `..` are taken out of the text, as a client means them who puts its own directory before a name. What a link's
`..` means is the back end's.
"""

import errno

from node.handlers.sftp.backend import Path

MAX_NAME = 255
"""Bytes of one name."""


def names_of(path: bytes) -> Path:
    """The names from the root on; a path that begins elsewhere begins there too. Raises OSError."""
    if b"\0" in path:
        raise OSError(errno.EINVAL, "a path has no NUL in it")
    names: list[bytes] = []
    for name in path.split(b"/"):
        if name == b"..":
            del names[-1:]
        elif name not in (b"", b"."):
            names.append(name)
    if any(len(name) > MAX_NAME for name in names):
        raise OSError(errno.ENAMETOOLONG, "a name is too long")
    return tuple(names)


def text_of(names: Path) -> bytes:
    return b"/" + b"/".join(names)
