"""What a client is told of what went wrong: a status of the draft, and words of ours without any name of a file."""

import errno

from node.handlers.sftp.codec.numbers import Status
from node.handlers.sftp.codec.wire import BadMessage


class Refused(Exception):
    """A request is refused with this status, and these words."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


class Denied(Refused):
    """Somebody may not do that."""

    def __init__(self, message: str = "permission denied") -> None:
        super().__init__(Status.PERMISSION_DENIED, message)


_STATUSES = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ELOOP), Status.NO_SUCH_FILE),
    **dict.fromkeys((errno.EPERM, errno.EACCES, errno.EROFS), Status.PERMISSION_DENIED),
    **dict.fromkeys((errno.ENOSYS, errno.EOPNOTSUPP), Status.UNSUPPORTED),
}
_WORDS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "not a directory",
    errno.ELOOP: "too many symbolic links",
    errno.EPERM: "permission denied",
    errno.EACCES: "permission denied",
    errno.EROFS: "read-only",
    errno.EEXIST: "there is a file of that name",
    errno.ENOTEMPTY: "the directory is not empty",
    errno.EISDIR: "it is a directory",
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "the quota of the bucket is used up",
    errno.EFBIG: "the file would be too long",
    errno.EXDEV: "it is in another bucket, or on another file system",
    errno.ENAMETOOLONG: "a name is too long",
    errno.EINVAL: "the file system refuses that",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.EIO: "the file system failed",
    errno.ENOSYS: "not supported",
    errno.EOPNOTSUPP: "not supported",
}


def told(error: Exception) -> tuple[Status, str]:
    """The status and the words for an error. One that nobody foresaw is a failure, without words of its own."""
    match error:
        case Refused():
            return error.status, str(error)
        case BadMessage():
            return Status.BAD_MESSAGE, str(error)
        case OSError():
            return _STATUSES.get(error.errno or 0, Status.FAILURE), _WORDS.get(error.errno or 0, "failure")
        case _:
            return Status.FAILURE, "failure"
