"""Changes the attributes of what is there: its length, its permissions, its times."""

import errno
import os

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.directory.ledger import Ledger
from node.handlers.sftp.directory.rules import check_owner_stays, check_regular, permissions_of

MAX_OFFSET = 2**63 - 1
"""The last byte that a file of Linux can have."""


def change(target: int | str, found: os.stat_result, attributes: Attributes, ledger: Ledger) -> None:
    """Change what is wished; `target` is a descriptor, or a path to exactly that. Raises OSError on the way.

    The length first, whose change would set the time, and the time last.
    """
    check_owner_stays(found, attributes)
    if attributes.size is not None:
        _resize(target, found, attributes.size, ledger)
    if attributes.permissions is not None:
        os.chmod(target, permissions_of(found, attributes.permissions))  # noqa: PTH101 - of a descriptor too
    if attributes.times is not None:
        os.utime(target, attributes.times)


def _resize(target: int | str, found: os.stat_result, size: int, ledger: Ledger) -> None:
    check_regular(found)
    if size > MAX_OFFSET:
        raise OSError(errno.EFBIG, "too long")
    held = ledger.opened(target)
    try:
        with held.changing:
            ledger.grow(held, size)
            try:
                os.truncate(target, size)
            finally:
                ledger.is_now(held, os.stat(target).st_size)  # noqa: PTH116 - of a descriptor too
    finally:
        ledger.closed(held)
