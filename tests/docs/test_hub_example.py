"""docs/examples/hub: the commands of its page, run as they stand there, with two appliances."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support import warm
from tests.support.appliance import START_SECONDS, STOP_SECONDS, environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "examples" / "hub" / "README.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Reader:
    """Somebody who has opened three terminals in the project's directory, where the page's ports are taken."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / ".venv" / "bin").mkdir(parents=True)
        (home / ".venv" / "bin" / "activate").write_text("")
        (home / "docs").symlink_to(ROOT / "docs")
        self._program("alknet", f"{warm.python()} -P -m node.cli.main")
        self._program("pip", f"{sys.executable} -m pip --quiet --disable-pip-version-check")
        kinds = {"4443": socket.SOCK_DGRAM, "4444": socket.SOCK_DGRAM, "8443": socket.SOCK_STREAM}
        kinds["8444"] = socket.SOCK_STREAM
        self.ports = {port: str(free_port(kind)) for port, kind in kinds.items()}

    def _program(self, name: str, command: str) -> None:
        program = self.home / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)

    def script(self, name: str) -> str:
        text = block(name)
        for port, free in self.ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
        return text.replace("PYTHONPATH=", f"PYTHONPATH={ROOT}:")

    def environment(self) -> dict[str, str]:
        path = f"{self.home / 'bin'}:{os.environ['PATH']}"
        return environment(PATH=path, PYTHONPATH=str(ROOT), XDG_CONFIG_HOME=str(self.home / "home"))

    @contextlib.contextmanager
    def terminal(self, name: str) -> Iterator[Callable[[], None]]:
        """A terminal where a block runs until Ctrl-C. What it gives waits until that serves."""
        log = self.home / f"{name}.log"
        command = ("sh", "-euc", self.script(name))
        with log.open("w") as output:
            shell = subprocess.Popen(
                command, cwd=self.home, env=self.environment(), stdout=output, stderr=output, start_new_session=True
            )
            try:
                yield lambda: self._wait_ready(name, shell)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    shell.wait(STOP_SECONDS)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()

    def _wait_ready(self, name: str, shell: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 2 * START_SECONDS
        while not (self.home / "try" / name / "run" / "ready.json").exists():
            assert shell.poll() is None, (self.home / f"{name}.log").read_text()
            assert time.monotonic() < deadline, (self.home / f"{name}.log").read_text()
            time.sleep(0.05)

    def walk(self) -> str:
        done = subprocess.run(
            ("sh", "-euc", self.script("walk")),
            cwd=self.home,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def test_the_hub_composes_the_notes_of_another_node(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    with reader.terminal("notes") as notes_serve, reader.terminal("hub") as hub_serves:
        notes_serve()
        hub_serves()
        told = re.sub(r"\s+", "", reader.walk())
    assert "notes:connected,127.0.0.1:" in told
    assert "3operationsimported" in told
    note = '{"title":"milk","text":"twolitres"}'
    assert f'"hub"{{"notes":[{note}],"missing":["eggs"]}}' in told
    assert told.endswith(note)
