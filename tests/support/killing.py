"""Commands that are killed at every step of theirs, one after another, and what each leaves behind."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from tests.support import warm
from tests.support.appliance import environment

NEVER = 10_000
"""A step that no command gets to."""


class Killer:
    """Runs `alknet` commands up to a step, which is a change of a file below the test's own directory.

    Of `alknet up` it is one of the vault or in the home: all else that a first start makes can be made again.
    """

    def __init__(self, place: Path, home: Path) -> None:
        self._place = place
        self._home = home
        pipe = subprocess.PIPE
        command = [warm.python(), "-m", "tests.support.killed_at"]
        self._process = subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe, text=True)

    def __call__(
        self,
        data: Path,
        *arguments: str,
        step: int = NEVER,
        program: str = "vault",
        terminal: bool = False,
        longest: int | None = None,
    ) -> dict[str, Any]:
        """One run: its `status`, negative for a signal, and what it `said`. `longest` bounds the bytes of a file."""
        below = [str(data / "secrets"), str(self._home)] if program == "up" else [str(self._place)]
        run = {"program": program, "step": step, "below": below, "data": str(data), "terminal": terminal}
        run |= {"arguments": arguments, "longest": longest}
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(run) + "\n")
        stdin.flush()
        done: dict[str, Any] = json.loads(stdout.readline())
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def killed_at_each_step(
    run: Killer, tmp_path: Path, prepare: Callable[[Path], object], *arguments: str, **how: Any
) -> Iterator[Path]:
    """A data directory for each step at which the command can be cut off, after that; the last one saw it end well."""
    for step in range(1, NEVER):
        data = tmp_path / f"data-{step}"
        data.mkdir(mode=0o700)
        prepare(data)
        ended = run(data, *arguments, step=step, **how)
        yield data
        if ended["status"] == 0:
            assert step > 2
            return
        assert ended["status"] == -signal.SIGKILL, ended["said"]


def nothing(_: Path) -> None:
    """The directory is empty before."""
