"""What stands in this process's memory, as Linux shows it."""

import re
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1024 * 1024
MASK = 0xAA


def mask(secret: bytes) -> bytes:
    """The secret in a form that the search below does not find. Doing it twice gives the secret."""
    return bytes(byte ^ MASK for byte in secret)


def occurrences(masked: bytes) -> int:
    """How often a secret stands in writable memory. The search leaves no copy of it, to be found next time."""
    # Byte by byte in brackets: the pattern, which stays in memory, does not hold the secret in one piece.
    pattern = re.compile(b"".join(b"[%b]" % re.escape(bytes([byte ^ MASK])) for byte in masked), re.DOTALL)
    buffer, found = bytearray(CHUNK), 0
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        for start, size in _places(len(masked) - 1):
            try:
                memory.seek(start)
                memory.readinto(memoryview(buffer)[:size])
            except (OSError, OverflowError):
                continue  # not ours to read
            found += sum(1 for _ in pattern.finditer(buffer))
            buffer[:] = bytes(CHUNK)
    return found


def _places(overlap: int) -> Iterator[tuple[int, int]]:
    """Start and size of pieces of writable memory, each reaching into the next by `overlap` bytes."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights = line.split()[:2]
        start, end = (int(part, 16) for part in place.split("-"))
        if rights.startswith("rw"):
            yield from ((at, min(CHUNK, end - at)) for at in range(start, end, CHUNK - overlap))
