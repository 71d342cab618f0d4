"""The replies that many requests have."""

from node.handlers.sftp.codec import packets
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.numbers import Status
from node.handlers.sftp.codec.packets import Entry, Reply


def ok(request: packets.Request) -> Reply:
    return packets.StatusReply(request.request_id, Status.OK, "")


def named(request: packets.Request, name: bytes) -> Reply:
    """A path, of which nothing else is told."""
    return packets.NameReply(request.request_id, (Entry(name, name, Attributes()),))
