"""A command on a terminal of its own, and what a person would see and type there."""

import os
import pty
import select
import subprocess
import time
from pathlib import Path

from tests.support.appliance import environment, warm_alknet

SECONDS = 60


class Terminal:
    """A process whose standard input, output and error are one pseudo-terminal."""

    def __init__(self, *arguments: str, cwd: Path | None = None, command: tuple[str, ...] = (), **variables: str):
        ours, theirs = pty.openpty()
        self._fd = ours
        self.shown = ""
        self._seen = 0
        try:
            self.process = subprocess.Popen(
                [*(command or warm_alknet()), *arguments],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                cwd=cwd,
                env=environment(**variables),
            )
        finally:
            os.close(theirs)

    def expect(self, text: str) -> None:
        """Wait until this text is shown, after what was expected before."""
        deadline = time.monotonic() + SECONDS
        while text not in self.shown[self._seen :]:
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"never shown: {text!r}\n{self.shown}")
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, text: str) -> None:
        os.write(self._fd, f"{text}\n".encode())

    def end(self) -> int:
        """Wait for the end, and give the status; `shown` is then whole."""
        while self._read():
            pass
        return self.process.wait(SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._fd)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> bool:
        """Take more in. False at the end."""
        ready, _, _ = select.select([self._fd], [], [], SECONDS)
        assert ready, f"nothing more is shown\n{self.shown}"
        try:
            part = os.read(self._fd, 65536)
        except OSError:  # Linux tells the end of the last process so
            return False
        self.shown += part.decode().replace("\r\n", "\n")
        return bool(part)
