"""The packets of SFTP version 3 as data: bytes in, bytes out (draft-ietf-secsh-filexfer-02).

`packets` has a dataclass for each of the 27, `extensions` those of OpenSSH's that are known here, `framing` cuts a
stream of bytes into packets. Nothing here reads, waits, or remembers.
"""

from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.framing import decode, encode, frame, frame_length
from node.handlers.sftp.codec.numbers import OpenFlags, PacketType, Status
from node.handlers.sftp.codec.wire import BadMessage

__all__ = [
    "Attributes",
    "BadMessage",
    "OpenFlags",
    "PacketType",
    "Status",
    "decode",
    "encode",
    "frame",
    "frame_length",
]
