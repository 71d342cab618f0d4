"""An open file of the tree, for a thread."""

import errno
import fcntl
import os

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.directory.changing import MAX_OFFSET, change
from node.handlers.sftp.directory.ledger import Held, Ledger


class HeldFile:
    """A descriptor, and the file's line in the ledger. One thread at a time."""

    def __init__(self, descriptor: int, ledger: Ledger) -> None:
        """The descriptor is this one's to close, from now on."""
        self.descriptor = descriptor
        self._ledger = ledger
        self._appends = bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)
        self._tells_cached = True
        self._held: Held = ledger.opened(descriptor)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self.descriptor, min(length, MAX_OFFSET - offset), offset) if offset < MAX_OFFSET else b""

    def read_cached(self, offset: int, length: int) -> bytes | None:
        """The same where that waits for nothing, on the loop; None where it might, or where not all is in memory."""
        if offset >= MAX_OFFSET or not self._tells_cached:
            return None
        data = bytearray(min(length, MAX_OFFSET - offset))
        try:
            count = os.preadv(self.descriptor, [data], offset, os.RWF_NOWAIT)
            whole = count == len(data) or offset + count >= os.fstat(self.descriptor).st_size
        except BlockingIOError:
            return None
        except OSError:  # a file system that does not know it, or a fault, of which the other way tells
            self._tells_cached = False
            return None
        return bytes(memoryview(data)[:count]) if whole else None

    def write(self, offset: int, data: bytes) -> None:
        with self._held.changing:
            if self._appends:
                offset = os.fstat(self.descriptor).st_size
            if offset + len(data) > MAX_OFFSET:
                raise OSError(errno.EFBIG, "too long")
            self._ledger.grow(self._held, offset + len(data))
            try:
                self._write_all(offset, data)
            except OSError:
                self._ledger.is_now(self._held, os.fstat(self.descriptor).st_size)
                raise

    def attributes(self) -> os.stat_result:
        return os.fstat(self.descriptor)

    def change(self, attributes: Attributes) -> None:
        change(self.descriptor, os.fstat(self.descriptor), attributes, self._ledger)

    def empty(self) -> None:
        with self._held.changing:
            os.ftruncate(self.descriptor, 0)
            self._ledger.is_now(self._held, 0)

    def sync(self) -> None:
        os.fsync(self.descriptor)

    def close(self) -> None:
        self._ledger.closed(self._held)
        os.close(self.descriptor)

    def _write_all(self, offset: int, data: bytes) -> None:
        """A file that appends takes no notice of the offset (pwrite(2))."""
        view = memoryview(data)
        while view:
            count = os.pwrite(self.descriptor, view, offset)
            offset += count
            view = view[count:]
