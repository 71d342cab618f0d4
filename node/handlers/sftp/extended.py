"""What is answered to the extensions of OpenSSH."""

from collections.abc import Awaitable, Callable

from node.handlers.sftp.backend import Backend
from node.handlers.sftp.codec import extensions, packets
from node.handlers.sftp.codec.extensions import LimitsReply, OneHandle, OnePath, TwoPaths, decode_body, encode_body
from node.handlers.sftp.codec.numbers import Status
from node.handlers.sftp.codec.packets import Reply
from node.handlers.sftp.handles import Handles
from node.handlers.sftp.limits import SftpLimits
from node.handlers.sftp.paths import names_of
from node.handlers.sftp.refusals import Refused
from node.handlers.sftp.replies import ok


class ExtendedAnswers:
    """Of one session."""

    def __init__(self, backend: Backend, handles: Handles, limits: SftpLimits) -> None:
        self._backend = backend
        self._handles = handles
        self._limits = limits

    async def answer(self, request: packets.Extended) -> Reply:
        """Raises Refused, BadMessage, OSError."""
        method = _METHODS.get(request.name)
        if method is None:
            raise Refused(Status.UNSUPPORTED, "there is no such extension")
        return await method(self, request)

    async def _limits_of(self, request: packets.Extended) -> Reply:
        limits = self._limits
        told = LimitsReply(limits.max_packet, limits.max_read, limits.max_read, limits.max_handles)
        return packets.ExtendedReply(request.request_id, encode_body(told))

    async def _posix_rename(self, request: packets.Extended) -> Reply:
        asked = decode_body(TwoPaths, request.body)
        await self._backend.replace(names_of(asked.old), names_of(asked.new))
        return ok(request)

    async def _hardlink(self, request: packets.Extended) -> Reply:
        asked = decode_body(TwoPaths, request.body)
        await self._backend.link(names_of(asked.old), names_of(asked.new))
        return ok(request)

    async def _fsync(self, request: packets.Extended) -> Reply:
        await self._handles.file(decode_body(OneHandle, request.body).handle).sync()
        return ok(request)

    async def _statvfs(self, request: packets.Extended) -> Reply:
        space = await self._backend.space(names_of(decode_body(OnePath, request.body).path))
        return packets.ExtendedReply(request.request_id, encode_body(space))

    async def _fstatvfs(self, request: packets.Extended) -> Reply:
        space = await self._handles.file(decode_body(OneHandle, request.body).handle).space()
        return packets.ExtendedReply(request.request_id, encode_body(space))


Method = Callable[[ExtendedAnswers, packets.Extended], Awaitable[Reply]]

_METHODS: dict[bytes, Method] = {
    extensions.LIMITS: ExtendedAnswers._limits_of,
    extensions.POSIX_RENAME: ExtendedAnswers._posix_rename,
    extensions.HARDLINK: ExtendedAnswers._hardlink,
    extensions.FSYNC: ExtendedAnswers._fsync,
    extensions.STATVFS: ExtendedAnswers._statvfs,
    extensions.FSTATVFS: ExtendedAnswers._fstatvfs,
}
