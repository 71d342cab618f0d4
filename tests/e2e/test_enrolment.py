"""A new machine becomes a peer: two real processes of the appliance, and `alknet join` as a third."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.client.known_nodes import KnownNodes
from tests.support.appliance import Appliance, alknet, environment, running_appliance


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
    with running_appliance(tmp_path_factory.mktemp("enrolment") / "data") as running:
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
    assert made["code"].rpartition("/")[2][:20] not in appliance.log() + appliance.run("journal", "--json")
