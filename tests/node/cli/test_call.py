"""`alknet id`, `trust` and `call` as processes, against one running appliance."""

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.appliance import Appliance, alknet, environment, running_appliance
from tests.support.migrated import migrated
from tests.support.node_process import peer_table, running

WRONG_PIN = "ed25519:" + "ab" * 32


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    with running_appliance(migrated(tmp_path_factory.mktemp("appliance") / "data")) as running:
        yield running


class User:
    """A user with a home of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str) -> tuple[int, str, str]:
        ran = alknet(*arguments, env=environment(XDG_CONFIG_HOME=str(self.home)))
        return ran.returncode, ran.stdout, ran.stderr


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def test_the_identity_is_made_once_and_private(user: User) -> None:
    first = json.loads(user.run("id", "--json")[1])
    assert json.loads(user.run("id", "--json")[1]) == first
    identity = user.home / "alknet" / "identity"
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    assert stat.S_IMODE(identity.parent.stat().st_mode) == 0o700
    shown = user.run("id")[1]
    assert all(spelling.strip() in shown for spelling in first.values())


def test_an_identity_that_others_may_read_is_refused(user: User) -> None:
    user.run("id")
    (user.home / "alknet" / "identity").chmod(0o644)
    status, _, err = user.run("id")
    assert status == 1
    assert "may be read by others" in err


def test_a_trusted_node_needs_no_pin_and_an_unknown_one_is_never_called(appliance: Appliance, user: User) -> None:
    address, fingerprint = appliance.ready["node_address"], appliance.ready["node_fingerprint"]
    assert user.run("call", address, "node/whoami")[0] == 2
    assert user.run("trust", address, fingerprint)[:2] == (0, f"Trusts {address} by this key.\n")
    status, out, _ = user.run("call", address, "node/whoami", "--json")
    assert status == 0
    assert json.loads(out)["identity"] is None
    assert user.run("trust", "--remove", address)[:2] == (0, f"Trusts {address} no longer.\n")
    assert user.run("call", address, "node/whoami")[0] == 2


def test_whoami_shows_the_peer_behind_the_key_and_nobody_without_it(appliance: Appliance, user: User) -> None:
    key = json.loads(user.run("id", "--json")[1])
    appliance.run("peer", "add", "walker", "--key", key["openssh"], "--scope", "x")
    pinned = ("call", appliance.ready["node_address"], "--pin", appliance.ready["node_fingerprint"], "node/whoami")
    shown = json.loads(user.run(*pinned, "--json")[1])
    assert shown["identity"] == {"id": "walker", "scopes": ["x"], "resources": {}}
    assert shown["fingerprint"] == key["fingerprint"]
    nobody = json.loads(user.run(*pinned, "--json", "--anonymous")[1])
    assert (nobody["identity"], nobody["fingerprint"]) == (None, None)


def test_a_token_file_names_the_caller(appliance: Appliance, user: User) -> None:
    key = appliance.run("key", "add", "--scope", "s")
    (user.home / "token").write_text(key)
    address, pin = appliance.ready["node_address"], appliance.ready["node_fingerprint"]
    token = ("--anonymous", "--token-file", str(user.home / "token"))
    _, out, _ = user.run("call", address, "--pin", pin, "node/whoami", *token, "--json")
    assert json.loads(out)["identity"] == {"id": key[:8], "scopes": ["s"], "resources": {}}


def test_an_error_of_the_operation_ends_with_1(appliance: Appliance, user: User) -> None:
    pinned = ("call", appliance.ready["node_address"], "--pin", appliance.ready["node_fingerprint"], "no/such")
    status, out, err = user.run(*pinned)
    assert (status, out) == (1, "")
    assert "NOT_FOUND" in err
    status, out, _ = user.run(*pinned, "--json")
    assert status == 1
    assert json.loads(out)["error"]["code"] == "NOT_FOUND"


def test_no_connection_ends_with_3(user: User) -> None:
    status, out, err = user.run("call", "127.0.0.1:1", "--pin", WRONG_PIN, "node/whoami", "--timeout", "5")
    assert (status, out) == (3, "")
    assert err.count("127.0.0.1:1") == 1


def test_a_node_that_is_full_is_told_from_one_that_is_not_there(user: User, tmp_path: Path) -> None:
    async def full() -> None:
        async with running(tmp_path / "data", ALKNET_QUIC__MAX_CONNECTIONS="1", **peers) as node:
            address, pin = node.facts["address"], node.facts["fingerprint"]
            async with node.connect(tmp_path / "ann"):
                arguments = ("call", address, "--pin", pin, "node/whoami", "--anonymous")
                status, _, err = await asyncio.to_thread(user.run, *arguments)
        assert status == 3
        assert "the node refuses further connections (connection refused, code 0x2)" in err
        assert err.count(address) == 1

    (tmp_path / "peers.toml").write_text(peer_table(tmp_path / "ann", "ann"))
    peers = {"ALKNET_NODE__PEERS_FILE": str(tmp_path / "peers.toml")}
    asyncio.run(full())


def test_another_key_than_the_pinned_one_ends_with_4(appliance: Appliance, user: User) -> None:
    status, out, err = user.run("call", appliance.ready["node_address"], "--pin", WRONG_PIN, "node/whoami")
    assert (status, out) == (4, "")
    assert err.count("\n") == 1
    assert appliance.ready["node_fingerprint"] in err
