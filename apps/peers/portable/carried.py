"""A file that a page carries from its preview to its confirmation: packed into one field, and kept nowhere else."""

import base64
import binascii
import zlib

from apps.peers.portable.rows import refuse
from apps.peers.portable.text import MAX_UPLOAD

MAX_PACKED = 2 * 1024 * 1024
"""Longest field, in characters: below what Django takes of a form."""


def pack(data: bytes) -> str:
    """The file as a field's text. Raises ImportRefused."""
    packed = base64.b64encode(zlib.compress(data)).decode()
    if len(packed) > MAX_PACKED:
        raise refuse("file", "It is too long for this page: use alknet peer import.")
    return packed


def unpack(packed: str) -> bytes:
    """The file again. Raises ImportRefused where a page of ours did not pack it."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(base64.b64decode(packed[: MAX_PACKED + 1], validate=True), MAX_UPLOAD)
    except (binascii.Error, zlib.error):
        data = b""
    if not unpacking.eof:
        raise refuse("file", "It did not come whole: choose it again.")
    return data
