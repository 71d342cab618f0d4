"""A terminal for a program: a pair of a pseudo-terminal, with the size and the modes that the client asks for."""

import asyncio
import contextlib
import fcntl
import os
import re
import struct
import termios
from asyncio.streams import FlowControlMixin
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from node.handlers.ssh.local_user import LocalUser

MAX_SIDE = 10_000
"""Rows, columns and pixels of a terminal."""
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_DUMB = "dumb"
_CHARACTERS = {1: "VINTR", 2: "VQUIT", 3: "VERASE", 4: "VKILL", 5: "VEOF", 6: "VEOL", 7: "VEOL2", 8: "VSTART",
               9: "VSTOP", 10: "VSUSP", 12: "VREPRINT", 13: "VWERASE", 14: "VLNEXT", 18: "VDISCARD"}  # fmt: skip
_INPUT = {30: "IGNPAR", 31: "PARMRK", 32: "INPCK", 33: "ISTRIP", 34: "INLCR", 35: "IGNCR", 36: "ICRNL", 38: "IXON",
          39: "IXANY", 40: "IXOFF", 41: "IMAXBEL", 42: "IUTF8"}  # fmt: skip
_OUTPUT = {70: "OPOST", 72: "ONLCR", 73: "OCRNL", 74: "ONOCR", 75: "ONLRET"}
_LOCAL = {50: "ISIG", 51: "ICANON", 53: "ECHO", 54: "ECHOE", 55: "ECHOK", 56: "ECHONL", 57: "NOFLSH", 58: "TOSTOP",
          59: "IEXTEN", 60: "ECHOCTL", 61: "ECHOKE"}  # fmt: skip
"""Modes by their numbers on the wire (RFC 4254 §8, RFC 8160)."""
_FLAGS = ((0, _INPUT), (1, _OUTPUT), (3, _LOCAL))
"""Where each kind is in what termios gives."""
_IUTF8 = 0o40000
"""Linux's; Python has no name for it before 3.13."""


Size = tuple[int, int, int, int]
"""Columns, rows, pixels across, pixels down."""


@dataclass(frozen=True, slots=True)
class TerminalWish:
    """What a client has asked for: a type, a size, and modes."""

    kind: str
    size: Size = (80, 24, 0, 0)
    modes: Mapping[int, int] = field(default_factory=dict)

    @property
    def term(self) -> str:
        """For TERM; a type that is no name becomes the simplest there is."""
        return self.kind if _TYPE.fullmatch(self.kind) else _DUMB


class Terminal:
    """An open pair. `inner` is for the program; close it once that has it."""

    def __init__(self, wish: TerminalWish, user: LocalUser) -> None:
        """Raises OSError."""
        self.outer, self.inner = os.openpty()
        self._open = [self.outer, self.inner]
        self._streams: list[asyncio.BaseTransport] = []
        try:
            self.resize(wish.size)
            _set_modes(self.inner, wish.modes)
            if user.switch is not None:
                os.fchown(self.inner, user.switch[0], -1)
            os.fchmod(self.inner, 0o600)
        except BaseException:
            self.close()
            raise

    def resize(self, size: Size) -> None:
        """The program is told by SIGWINCH. Harmless when the terminal is closed."""
        columns, rows, across, down = (max(0, min(side, MAX_SIDE)) for side in size)
        if self.outer in self._open:
            fcntl.ioctl(self.outer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, across, down))

    @property
    def foreground(self) -> int:
        """The process group that signals are for. Raises OSError where there is none."""
        return os.tcgetpgrp(self.outer)

    async def streams(self, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """What the program writes, and what it reads. Raises OSError."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit, loop)
        receiver = _Shown(reader, loop=loop)
        reading, writing = (os.fdopen(os.dup(self.outer), mode, 0) for mode in ("rb", "wb"))
        shown, _ = await loop.connect_read_pipe(lambda: receiver, reading)
        self._streams.append(shown)
        transport, protocol = await loop.connect_write_pipe(lambda: FlowControlMixin(loop), writing)
        self._streams.append(transport)
        return reader, asyncio.StreamWriter(transport, protocol, None, loop)

    def close_inner(self) -> None:
        self._close(self.inner)

    def close(self) -> None:
        """Harmless when repeated."""
        for stream in self._streams:
            stream.close()
        for descriptor in tuple(self._open):
            self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


class _Shown(asyncio.StreamReaderProtocol):
    """A terminal that nobody has open any more ends in an error, before which a reader would drop what it holds."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(None)


def take_terminal() -> None:
    """In the program's process, before it is one: have standard input for the terminal of its session.

    Python runs here in a process that other threads of the node do not live in, whose locks they may have held: so it
    is one call of the system and takes none.
    """
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def session_of(leader: int) -> list[int]:
    """The processes of a session. A shell gives each of its jobs a group, which the shell's own does not reach."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found += [int(entry.name)] if int(fields[3]) == leader else []
    return found


def _set_modes(descriptor: int, modes: Mapping[int, int]) -> None:
    """Set what is known of it, and leave the rest as it is."""
    attributes = termios.tcgetattr(descriptor)
    for place, names in _FLAGS:
        for number, name in names.items():
            if number in modes:
                bit = getattr(termios, name, _IUTF8 if name == "IUTF8" else 0)
                attributes[place] = attributes[place] | bit if modes[number] else attributes[place] & ~bit
    for number, name in _CHARACTERS.items():
        if number in modes:
            value = modes[number]
            attributes[6][getattr(termios, name)] = bytes([value]) if value < 255 else b"\0"
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
