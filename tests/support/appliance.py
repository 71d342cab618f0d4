"""A whole appliance under test: `alknet up` as a real process tree on free loopback ports."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from node.quic.accelerated import Build, running
from tests.support import warm

START_SECONDS = 60
STOP_SECONDS = 60
MODULE = ("-m", "node.cli.main")
ALKNET = (sys.executable, *MODULE)


def environment(**more: str) -> dict[str, str]:
    """This process's environment without the settings that a developer may have set, and with the engine under test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALKNET_", "DJANGO_"))}
    engine = "auto" if running() is Build.ACCELERATED else "stock"
    return {**kept, "ALKNET_NODE__ENGINE": engine, **more}


def warm_alknet() -> tuple[str, ...]:
    """`alknet` as the beginning of a command line, in a process that has nothing to import."""
    return (warm.python(), *MODULE)


class Appliance:
    """A running `alknet up`; `ready` is what it wrote when both processes served."""

    def __init__(self, process: subprocess.Popen[str], data: Path) -> None:
        self.process = process
        self.data = data
        self.ready = self.wait_ready()

    @property
    def ready_file(self) -> Path:
        return self.data / "run" / "ready.json"

    def wait_ready(self) -> dict[str, Any]:
        """The facts of the ready file, as soon as it is there."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"alknet up ended with {self.process.returncode}:\n{self.log()}")
            with contextlib.suppress(FileNotFoundError):
                facts: dict[str, Any] = json.loads(self.ready_file.read_text())
                return facts
            time.sleep(0.02)
        raise AssertionError(f"not ready after {START_SECONDS} s:\n{self.log()}")

    def log(self) -> str:
        return (self.data.parent / "appliance.log").read_text()

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run one `alknet` command against this data directory and give its standard output."""
        done = alknet(*arguments, env=environment(ALKNET_DATA=str(self.data)))
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


def alknet(
    *arguments: str, env: dict[str, str] | None = None, given: str = "", python: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one `alknet` command to its end; `given` is all that its standard input holds.

    In a process of its own that has nothing to import; `python=sys.executable` starts one that has.
    """
    return subprocess.run(
        [python or warm.python(), *MODULE, *arguments],
        input=given,
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def running_appliance(
    data: Path, *options: str, python: str | Path | None = None, **variables: str
) -> Iterator[Appliance]:
    """Start `alknet up` on free ports and end it afterwards, by force if need be.

    Its processes import nothing; with `python=sys.executable` they do, and /proc shows them as what they are.
    """
    command = [
        python or warm.python(),
        *MODULE,
        "up",
        "--data",
        str(data),
        "--listen",
        "127.0.0.1:0",
        "--panel",
        "127.0.0.1:0",
        *options,
    ]
    with (data.parent / "appliance.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=environment(**variables),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield Appliance(process, data)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
