"""Signing in by a certificate of an authority that the settings name."""

import time
from collections.abc import AsyncIterator
from typing import Any

import asyncssh
import pytest

from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import PeerEntry
from node.handlers.ssh.certificates import Vouched
from node.handlers.ssh.limits import SshSettings
from tests.support.quic import settled, soon
from tests.support.ssh import SshNode, ssh_node

AUTHORITY = asyncssh.generate_private_key("ssh-ed25519")
LINE = AUTHORITY.export_public_key().decode()


@pytest.fixture
async def node() -> AsyncIterator[SshNode]:
    async with ssh_node(cert_authorities=(LINE,), max_attempts=3) as node:
        await node.store.put_peer(PeerEntry("bob", (), scopes=("ssh:exec:*",)))
        yield node


def certified(*principals: str, by: asyncssh.SSHKey = AUTHORITY, **more: Any) -> dict[str, Any]:
    """Options of a client that has a key of its own, and a certificate for it."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    certificate = by.generate_user_certificate(key, "for a test", principals=list(principals), **more)
    return {"client_keys": [(key, certificate)], "username": principals[0] if principals else "bob"}


async def signs_in(node: SshNode, **options: Any) -> bool:
    try:
        async with node.client(**options) as client:
            return (await soon(client.run("true"))).exit_status == 0
    except asyncssh.PermissionDenied:
        return False


async def test_it_signs_in_the_peer_that_it_names_and_that_one_alone(node: SshNode) -> None:
    assert await signs_in(node, **certified("bob"))
    assert await signs_in(node, **certified("bob", "carol"))
    assert not await signs_in(node, **{**certified("bob"), "username": "ann"})
    assert not await signs_in(node, **certified("carol"))
    assert not await signs_in(node, **certified())


async def test_what_is_not_good_signs_nobody_in(node: SshNode) -> None:
    stranger, now = asyncssh.generate_private_key("ssh-ed25519"), int(time.time())
    assert not await signs_in(node, **certified("bob", by=stranger))
    assert not await signs_in(node, **certified("bob", valid_before=now - 1))
    assert not await signs_in(node, **certified("bob", valid_after=now + 600))
    assert not await signs_in(node, **certified("bob", source_address=["192.0.2.1"]))
    host = AUTHORITY.generate_host_certificate(
        key := asyncssh.generate_private_key("ssh-ed25519"), "x", principals=["bob"]
    )
    assert not await signs_in(node, client_keys=[(key, host)], username="bob")
    assert node.handler.snapshot()["rejected"] >= 5


async def test_a_command_that_it_forces_is_the_one_that_runs(node: SshNode) -> None:
    async with node.client(**certified("bob", force_command="echo forced")) as bob:
        assert (await soon(bob.run("echo asked"))).stdout == "forced\n"


async def test_what_it_does_not_permit_is_refused(node: SshNode) -> None:
    async with node.client(**certified("bob", permit_port_forwarding=False, permit_pty=False)) as bob:
        with pytest.raises(asyncssh.ChannelOpenError, match="not permitted"):
            await soon(bob.open_connection("127.0.0.1", 9))
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(bob.create_process("true", term_type="xterm"))


async def disable(node: SshNode) -> None:
    await node.store.put_peer(PeerEntry("bob", (), scopes=("ssh:exec:*",), enabled=False))


async def remove(node: SshNode) -> None:
    await node.store.remove_peer("bob")


async def lock(node: SshNode) -> None:
    node.store.publish_locks(LockIndex({"1": Lock("1", LockKind.PEER, "bob", "not this night")}))


@pytest.mark.parametrize("lose", [disable, remove, lock])
async def test_who_is_no_peer_any_more_loses_the_connection(node: SshNode, lose: Any) -> None:
    async with node.client(**certified("bob")) as bob:
        running = await bob.create_process("sleep 600")
        await lose(node)
        await soon(bob.wait_closed())
        await settled(lambda: node.handler.snapshot()["connections"] == 0)
        assert running.exit_status is None
    assert not await signs_in(node, **certified("bob"))


async def test_a_scope_that_is_lost_ends_what_it_carried_and_leaves_the_rest(node: SshNode) -> None:
    async with node.client(**certified("bob")) as bob:
        running = await bob.create_process("sleep 600")
        await settled(lambda: node.handler.snapshot()["sessions"] == 1)
        await node.store.put_peer(PeerEntry("bob", (), scopes=("ssh:exec:true",)))
        await soon(running.wait_closed())
        assert (await soon(bob.run("true"))).exit_status == 0


async def test_it_ends_the_connection_when_it_ends(node: SshNode, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = int(time.time()) + 3600
    assert 3500 < Vouched("bob", ends, "").left <= 3600
    assert Vouched("bob", ends - 7200, "").left == 0
    monkeypatch.setattr(Vouched, "left", 0.1)
    async with node.client(**certified("bob", valid_before=ends)) as bob:
        await soon(bob.wait_closed())
    await settled(lambda: node.handler.snapshot()["connections"] == 0)


async def test_without_authorities_there_are_no_certificates() -> None:
    async with ssh_node() as node:
        assert not await signs_in(node, **certified("ann"))


@pytest.mark.parametrize("key", ["", "x", "SHA256:" + "0" * 64])
def test_an_authority_is_an_ed25519_key(key: str) -> None:
    with pytest.raises(ValueError, match="cert_authorities"):
        SshSettings(cert_authorities=(key,))
