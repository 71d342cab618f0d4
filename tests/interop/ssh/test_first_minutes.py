"""docs/ssh.md's first ten minutes, on an appliance: every line of it, with OpenSSH."""

import os
import re
import shlex
import socket
import stat
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.appliance import environment, running_appliance
from tests.support.nc import ROOT

pytestmark = pytest.mark.interop

PAGE = (ROOT / "docs" / "ssh.md").read_text().partition("## The first ten minutes")[2].partition("\n## ")[0]
FIRST_PEER = (ROOT / "README.md").read_text().partition("<!-- walk-through -->\n```sh\n")[2].partition("```")[0]


NEEDED = ("alknet id", "alknet peer add", "alknet trust")
"""Of the README's first peer: what it does then takes the right away and gives it back."""


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)


def test_a_stranger_comes_from_nothing_to_a_command_and_a_forwarded_port(program: Any, tmp_path: Path) -> None:
    home, data, tools = tmp_path / "home", tmp_path / "data", tmp_path / "tools"
    for folder in (home, data, tools):
        folder.mkdir()
    [settings] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (data / "alknet.toml").write_text(settings.replace("# user", "user") if os.geteuid() == 0 else settings)
    alknet = f'{shlex.quote(str(warm.python()))} -P -m node.cli.main "$@"'
    script(tools / "alknet", f"exec env PYTHONPATH={shlex.quote(str(ROOT))} {alknet}")
    # ssh goes by the user's home and not by HOME.
    own = f"-F {home}/.ssh/config -o UserKnownHostsFile={home}/known -o BatchMode=yes"
    script(tools / "ssh", f'exec {program("ssh")} {own} "$@"')
    first = [line for line in FIRST_PEER.splitlines() if line.startswith(NEEDED)]
    walk, forward = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    with running_appliance(data) as running:
        panel, node = running.ready["panel_address"], running.ready["node_address"]
        env = environment(
            PATH=f"{tools}:{os.environ['PATH']}",
            HOME=str(home),
            XDG_CONFIG_HOME=str(home / ".config"),
            ALKNET_DATA=str(data),
        )

        def here(script: str) -> str:
            script = script.replace("127.0.0.1:4433", node).replace("127.0.0.1:8000", panel)
            return script.replace("data/run", f"{data}/run")

        walked = subprocess.run(
            ("sh", "-euc", here("\n".join([*first, walk]))),
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert walked.returncode == 0, walked.stdout + walked.stderr
        assert "load average" in walked.stdout.splitlines()[-1]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = shlex.split(here(forward.replace("8080", str(port))))
        with subprocess.Popen(command, env=env) as forwarding:
            try:
                deadline = time.monotonic() + 60
                while (status := answers(port)) != 200:
                    assert time.monotonic() < deadline, status
                    time.sleep(0.05)
            finally:
                forwarding.terminate()


def answers(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
            return int(page.status)
    except OSError:
        return 0
