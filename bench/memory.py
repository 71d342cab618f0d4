"""What memory a process has."""

import os
from pathlib import Path


def resident() -> int:
    """Bytes that this process has in RAM now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
