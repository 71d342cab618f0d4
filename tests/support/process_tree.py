"""What the kernel shows of processes to whoever may look: arguments and environment (proc(5))."""

from collections.abc import Iterator
from pathlib import Path


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for process, parent in _parents():
        children.setdefault(parent, []).append(process)
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def command_line(pid: int) -> bytes:
    return _read(pid, "cmdline")


def shown_of(pid: int) -> bytes:
    """Arguments and environment; of a process that keeps its memory to itself a user sees the former only."""
    return command_line(pid) + b"\0" + _read(pid, "environ")


def runs(mark: str) -> bool:
    """Whether there is a process with this in its arguments."""
    return any(mark.encode() in command_line(pid) for pid in _all())


def _all() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _parents() -> Iterator[tuple[int, int]]:
    for pid in _all():
        if status := _read(pid, "stat"):
            yield pid, int(status.rsplit(b")", 1)[1].split()[1])


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return b""
