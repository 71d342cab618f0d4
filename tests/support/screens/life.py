"""An appliance that looks lived in: rows by its services, and machines that wait to be admitted or are refused."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.appliance import Appliance, alknet, environment, warm_alknet

NEWEST = {"activity/event": 3, "audit/auditentry": 12, "backups/backup": 2}
"""Rows that are numbered as they come."""


@contextlib.contextmanager
def lived_in(appliance: Appliance, place: Path) -> Iterator[dict[str, Any]]:
    """Fill it, and keep two machines waiting; what pages can be about, and `identity`: the file of laptop's key."""
    identity = place / "identity"
    key = json.loads(alknet("id", "--identity", str(identity), "--json").stdout)["fingerprint"]
    things = _filled(appliance, key)
    _strangers(appliance, place)
    appliance.run("backup", str(place / "alknet-before-the-move.backup"))
    code = things.pop("code")
    with contextlib.ExitStack() as waiting:
        for name in ("workshop-bench-3", "a-machine-with-a-name-of-its-own-choosing"):
            waiting.enter_context(_joining(place / name, code, name))
        yield things | NEWEST | {"identity": identity}


def _filled(appliance: Appliance, key: str) -> dict[str, Any]:
    ready = appliance.ready
    command = [warm.python(), "-m", "tests.support.screens.filling"]
    command += [ready["node_address"], ready["node_fingerprint"], key]
    env = environment(ALKNET_DATA=str(appliance.data), DJANGO_SETTINGS_MODULE="alknet_site.settings")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    things: dict[str, Any] = json.loads(done.stdout)
    return things


def _strangers(appliance: Appliance, place: Path) -> None:
    """Two keys that nobody knows, and a caller without any."""
    ready = appliance.ready
    call = ("call", ready["node_address"], "node/whoami", "--pin", ready["node_fingerprint"])
    for name in ("one", "two", "one"):
        alknet(*call, env=environment(XDG_CONFIG_HOME=str(place / name)))
    alknet(*call, "--anonymous")


@contextlib.contextmanager
def _joining(home: Path, code: str, name: str) -> Iterator[None]:
    """`alknet join`, as long as it waits."""
    command = [*warm_alknet(), "join", "--json", "--wait", "600", "--name", name]
    env, pipe = environment(XDG_CONFIG_HOME=str(home)), subprocess.PIPE
    process = subprocess.Popen(command, env=env, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, text=True)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(code)
    process.stdin.close()
    process.stderr.readline()  # the digits to compare: the claim has arrived
    try:
        yield
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
