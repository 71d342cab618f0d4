"""What is answered to each request: the back end is asked, and what it raises becomes a status."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from node.handlers.sftp.backend import Backend
from node.handlers.sftp.codec import packets
from node.handlers.sftp.codec.numbers import Status
from node.handlers.sftp.codec.packets import Reply
from node.handlers.sftp.counts import Counts
from node.handlers.sftp.extended import ExtendedAnswers
from node.handlers.sftp.handles import Handles
from node.handlers.sftp.limits import SftpLimits
from node.handlers.sftp.paths import names_of, text_of
from node.handlers.sftp.refusals import Refused, told
from node.handlers.sftp.replies import named, ok

logger = logging.getLogger(__name__)

END = Refused(Status.EOF, "end of file")


class Answers:
    """Of one session. What it is asked of one handle it hands over before it waits for anything."""

    def __init__(self, backend: Backend, handles: Handles, limits: SftpLimits, counts: Counts) -> None:
        self._backend = backend
        self._handles = handles
        self._limits = limits
        self._counts = counts
        self._extended_answers = ExtendedAnswers(backend, handles, limits)

    async def answer(self, request: packets.Request) -> Reply:
        """Raises nothing but CancelledError."""
        self._counts.requests += 1
        try:
            return await _METHODS[type(request)](self, request)
        except Exception as error:
            if not isinstance(error, Refused | OSError | ValueError):
                logger.exception("a request of sftp failed", extra={"request": type(request).__name__})
            status, words = told(error)
            self._counts.refused += status is not Status.EOF
            return packets.StatusReply(request.request_id, status, words)

    async def _open(self, request: packets.Open) -> Reply:
        with self._handles.room():
            opened = await self._backend.open(names_of(request.path), request.flags, request.attributes)
            handle = self._handles.add(opened)
        return packets.HandleReply(request.request_id, handle)

    async def _opendir(self, request: packets.Opendir) -> Reply:
        with self._handles.room():
            handle = self._handles.add(await self._backend.list(names_of(request.path)))
        return packets.HandleReply(request.request_id, handle)

    async def _close(self, request: packets.Close) -> Reply:
        await self._handles.take(request.handle).close()
        return ok(request)

    async def _read(self, request: packets.Read) -> Reply:
        length = min(request.length, self._limits.max_read)
        data = await self._handles.file(request.handle).read(request.offset, length)
        if not data:
            raise END
        self._counts.read_bytes += len(data)
        return packets.DataReply(request.request_id, data)

    async def _write(self, request: packets.Write) -> Reply:
        await self._handles.file(request.handle).write(request.offset, request.data)
        self._counts.written_bytes += len(request.data)
        return ok(request)

    async def _readdir(self, request: packets.Readdir) -> Reply:
        entries = await self._handles.listing(request.handle).more()
        if not entries:
            raise END
        return packets.NameReply(request.request_id, entries)

    async def _fstat(self, request: packets.Fstat) -> Reply:
        return packets.AttributesReply(request.request_id, await self._handles.file(request.handle).attributes())

    async def _fsetstat(self, request: packets.Fsetstat) -> Reply:
        await self._handles.file(request.handle).change(request.attributes)
        return ok(request)

    async def _stat(self, request: packets.Stat) -> Reply:
        return packets.AttributesReply(request.request_id, await self._backend.stat(names_of(request.path)))

    async def _lstat(self, request: packets.Lstat) -> Reply:
        return packets.AttributesReply(request.request_id, await self._backend.lstat(names_of(request.path)))

    async def _setstat(self, request: packets.Setstat) -> Reply:
        await self._backend.change(names_of(request.path), request.attributes)
        return ok(request)

    async def _remove(self, request: packets.Remove) -> Reply:
        await self._backend.remove(names_of(request.path))
        return ok(request)

    async def _mkdir(self, request: packets.Mkdir) -> Reply:
        await self._backend.make_directory(names_of(request.path), request.attributes)
        return ok(request)

    async def _rmdir(self, request: packets.Rmdir) -> Reply:
        await self._backend.remove_directory(names_of(request.path))
        return ok(request)

    async def _rename(self, request: packets.Rename) -> Reply:
        await self._backend.rename(names_of(request.old), names_of(request.new))
        return ok(request)

    async def _symlink(self, request: packets.Symlink) -> Reply:
        """The draft has the link first, and OpenSSH's way is to have it second; some clients choose by what they meet.

        Targets are relative here, and clients name links from the root, so that the two can be told apart.
        """
        target, link = request.target, request.link
        if target.startswith(b"/") and not link.startswith(b"/"):
            target, link = link, target
        await self._backend.symlink(target, names_of(link))
        return ok(request)

    async def _readlink(self, request: packets.Readlink) -> Reply:
        return named(request, await self._backend.read_link(names_of(request.path)))

    async def _realpath(self, request: packets.Realpath) -> Reply:
        """The path without `.` and `..`; there need be nothing of that name, and nobody is asked."""
        return named(request, text_of(names_of(request.path)))

    async def _extended(self, request: packets.Extended) -> Reply:
        return await self._extended_answers.answer(request)


Method = Callable[[Answers, Any], Awaitable[Reply]]

_METHODS: dict[type[packets.Request], Method] = {
    packets.Open: Answers._open,
    packets.Close: Answers._close,
    packets.Read: Answers._read,
    packets.Write: Answers._write,
    packets.Lstat: Answers._lstat,
    packets.Fstat: Answers._fstat,
    packets.Setstat: Answers._setstat,
    packets.Fsetstat: Answers._fsetstat,
    packets.Opendir: Answers._opendir,
    packets.Readdir: Answers._readdir,
    packets.Remove: Answers._remove,
    packets.Mkdir: Answers._mkdir,
    packets.Rmdir: Answers._rmdir,
    packets.Realpath: Answers._realpath,
    packets.Stat: Answers._stat,
    packets.Rename: Answers._rename,
    packets.Readlink: Answers._readlink,
    packets.Symlink: Answers._symlink,
    packets.Extended: Answers._extended,
}
