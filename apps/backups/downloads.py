"""A large file as an answer, some of it at a time: neither the loop nor the memory notices how large it is."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from io import BufferedReader
from pathlib import Path

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

PIECE = 256 * 1024
"""Bytes that are read at once."""


def opened(path: Path) -> BufferedReader:
    """The file itself, and no link to another. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError("not a file")
    return file


class Download(StreamingHttpResponse):
    """Closes its file also where nobody has read a byte of it."""

    def __init__(self, file: BufferedReader) -> None:
        super().__init__(_pieces(file), content_type="application/octet-stream")
        self.file = file

    def close(self) -> None:
        super().close()
        self.file.close()


def answer_with(file: BufferedReader, name: str) -> Download:
    """The whole file, to be saved under this name, which a shell may have given: it cannot end the header."""
    answer = Download(file)
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"  # noqa: FBT003
    answer["Content-Length"] = str(os.fstat(file.fileno()).st_size)
    answer["Cache-Control"] = "no-store"
    return answer


async def _pieces(file: BufferedReader) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
