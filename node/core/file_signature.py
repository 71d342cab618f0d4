"""Whether a file is another than it was, without reading it."""

from pathlib import Path

Signature = tuple[int, ...]


def file_signature(path: Path | None) -> Signature | None:
    """Differs after any change: of content, of a link's target, of owner or mode. None where there is no file."""
    try:
        found = None if path is None else path.stat()
    except (OSError, ValueError):
        return None
    if found is None:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
