"""From the bytes of a file to its text."""

import re

from apps.peers.portable.rows import refuse

MAX_FILE = 32 * 1024 * 1024
"""Longest file, in bytes."""
MAX_UPLOAD = 7 * 1024 * 1024
"""Longest file over HTTP, in bytes: some 20 000 peers as TOML. `alknet peer import` takes longer ones."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


def text_of(data: bytes) -> str:
    """The text of a file, without a byte order mark. Line ends stay as they are. Raises ImportRefused."""
    if len(data) > MAX_FILE:
        raise refuse("file", f"A file has at most {MAX_FILE} bytes; this has {len(data)}.")
    data = data.removeprefix(_BOM)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise refuse(_line(data, error.start), "Not UTF-8: save the file as UTF-8 text.") from None
    if b"\x00" in data:
        raise refuse(_line(data, data.index(b"\x00")), "There is a NUL character, which no text has.")
    return text


def _line(data: bytes, at: int) -> str:
    return f"line {1 + len(_LINE_END.findall(data, 0, at))}"
