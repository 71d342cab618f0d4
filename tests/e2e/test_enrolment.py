"""A new machine becomes a peer: two real processes of the appliance, and `alknet join` as a third."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.client.known_nodes import KnownNodes
from node.core.enrolment.code import InviteCode, parse_code
from tests.support.appliance import Appliance, alknet, environment, running_appliance, warm_alknet
from tests.support.migrated import migrated
from tests.support.waiting import until


@dataclass
class Machine:
    """One that joins, with a home of its own."""

    home: Path

    def join(self, code: str, *options: str, expect: int = 0) -> dict[str, Any]:
        """What `alknet join` printed; the code goes in by stdin."""
        env = environment(XDG_CONFIG_HOME=str(self.home))
        done = alknet("join", "--json", *options, env=env, given=code)
        assert done.returncode == expect, done.stdout + done.stderr
        told: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return told

    @property
    def known_nodes(self) -> dict[str, str]:
        return KnownNodes(self.home / "alknet" / "known_nodes").all()


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    with running_appliance(migrated(tmp_path_factory.mktemp("enrolment") / "data")) as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "one")


@pytest.fixture
def other(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "other")


def invite(appliance: Appliance, *options: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(appliance.run("peer", "invite", *options, "--json"))
    return made


def rows(appliance: Appliance, *command: str) -> Any:
    return json.loads(appliance.run(*command, "--json"))


def test_a_code_lets_one_machine_in_once(appliance: Appliance, machine: Machine, other: Machine) -> None:
    made = invite(appliance, "laptop", "--scope", "call:echo", "--resource", "repo=web", "--admit")
    joined = machine.join(made["code"], "--wait", "30")
    assert (joined["state"], joined["peer_id"]) == ("admitted", "laptop")
    assert machine.known_nodes == {made["address"]: appliance.ready["node_fingerprint"]}
    peer = rows(appliance, "peer", "show", "laptop")
    assert (peer["scopes"], peer["resources"], len(peer["fingerprints"])) == (["call:echo"], {"repo": ["web"]}, 1)
    assert machine.join(made["code"])["peer_id"] == "laptop", "the same key with the same code is told the same"
    refused = other.join(made["code"], expect=1)
    assert "not accepted" in refused["message"]
    found = written(appliance)
    for secret in spellings(made["code"]):
        assert [name for name, content in found.items() if secret in content] == []


def test_a_machine_that_has_to_be_approved_waits_and_is_told(appliance: Appliance, machine: Machine) -> None:
    code = invite(appliance, "--scope", "call:echo")["code"]
    kept = machine.join(code, "--name", "pi", "--wait", "1", expect=5)
    [claim] = rows(appliance, "claim", "list", "--waiting")
    assert (kept["state"], claim["sas"], claim["name"]) == ("kept", kept["sas"], "pi")
    assert appliance.ready["node_address"] in machine.known_nodes
    appliance.run("claim", "approve", claim["id"][:12], "000000000", expect=1)
    with waiting(machine, code) as process:
        [claim] = until(lambda: [row for row in rows(appliance, "claim", "list") if row["asked"] == 2], "another claim")
        digits = claim["sas"].split()
        assert "Admitted as desk." in appliance.run("claim", "approve", claim["id"][:12], *digits, "--name", "desk")
        told = json.loads(process.communicate(timeout=30)[0])
    assert (told["state"], told["peer_id"]) == ("admitted", "desk")
    assert "desk" in appliance.run("claim", "list")
    appliance.run("peer", "remove", "desk")
    assert "removed or disabled" in machine.join(code, expect=1)["message"]


def test_a_declined_machine_and_a_revoked_code_are_told_so(
    appliance: Appliance, machine: Machine, other: Machine
) -> None:
    made = invite(appliance, "--uses", "2")
    machine.join(made["code"], "--wait", "1", expect=5)
    [claim] = rows(appliance, "claim", "list", "--waiting")
    appliance.run("claim", "refuse", claim["id"])
    assert "declined" in machine.join(made["code"], expect=1)["message"]
    assert "revoked" in appliance.run("peer", "invites", "--revoke", made["id"])
    assert "not accepted" in other.join(made["code"], expect=1)["message"]


def test_another_key_at_the_same_address_is_not_talked_to(appliance: Appliance, machine: Machine) -> None:
    made = invite(appliance, "--admit")
    machine.home.joinpath("alknet").mkdir(parents=True)
    KnownNodes(machine.home / "alknet" / "known_nodes").trust(made["address"], f"ed25519:{1:064x}")
    machine.join(made["code"], expect=1)
    wrong = InviteCode(made["address"], f"ed25519:{2:064x}", bytes(16))
    machine.home.joinpath("alknet", "known_nodes").unlink()
    machine.join(wrong.text(), expect=4)
    machine.join(made["code"][:-1], expect=2)
    assert [row["uses_left"] for row in rows(appliance, "peer", "invites") if row["id"] == made["id"]] == [1]


def spellings(code: str) -> list[bytes]:
    """The secret of a code, as it could lie somewhere: also a part of the code that holds nothing else."""
    secret = parse_code(code).secret
    return [
        secret,
        secret.hex().encode(),
        code.rpartition("/")[2].replace("-", "")[54:76].encode(),
        code[-40:].encode(),
    ]


def written(appliance: Appliance) -> dict[str, bytes]:
    """What lies in the data directory, and what was logged."""
    files = {path.name: path.read_bytes() for path in appliance.data.rglob("*") if path.is_file()}
    return {**files, "log": appliance.log().encode()}


@contextlib.contextmanager
def waiting(machine: Machine, code: str) -> Iterator["subprocess.Popen[str]"]:
    command = [*warm_alknet(), "join", "--json", "--wait", "60", "-"]
    env, pipe = environment(XDG_CONFIG_HOME=str(machine.home)), subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(code)
        process.stdin.close()
        process.stdin = None
        try:
            yield process
        finally:
            process.kill()
