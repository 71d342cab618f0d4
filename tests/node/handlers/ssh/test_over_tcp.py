"""The same SSH through a plain TCP port: the same rights, and the same end of them."""

import asyncssh
import pytest

from tests.node.handlers.ssh.test_rights_that_bite import family, gone
from tests.support.quic import settled, soon
from tests.support.ssh import ssh_node


async def test_the_same_rights_hold_and_bite_over_tcp() -> None:
    async with ssh_node(scopes=("ssh:exec:sh", "ssh:exec:cat")) as node, node.client_over_tcp() as ann:
        assert (await soon(ann.run("cat", input="x" * 300_000))).stdout == "x" * 300_000
        assert (await soon(ann.run("id"))).exit_status == 126
        _, numbers = await family(ann)
        await node.know("ssh:exec:cat")
        await settled(gone(numbers))
        assert (await soon(ann.run("cat", input="x"))).exit_status == 0
        await node.store.remove_peer("ann")
        await soon(ann.wait_closed())
        with pytest.raises(asyncssh.PermissionDenied):
            await soon(node.client_over_tcp().__aenter__())
        await settled(lambda: node.tcp.snapshot()["connections"] == 0)


async def test_a_tcp_client_that_leaves_leaves_nothing_running() -> None:
    async with ssh_node() as node, node.client_over_tcp() as ann:
        _, numbers = await family(ann)
        ann._transport.abort()
        await settled(gone(numbers))
        await settled(lambda: node.tcp.snapshot()["connections"] == 0)
