"""The node's private pages, where the settings give them an address."""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from node.assembly.health import node_checks
from node.core.health import Check
from node.exposition.pages import build, exposition, pages
from node.exposition.server import Pages, PrivateServer
from node.quic.accelerated import running as engine
from node.quic.version import WANTED

if TYPE_CHECKING:
    from node.assembly.node import Node

PREFIX = "alknet_"


@contextlib.asynccontextmanager
async def show_metrics(node: "Node") -> AsyncIterator[None]:
    """Serve them for as long as the block lasts. An address that is taken is logged, and the node goes on without."""
    listen = node.settings.metrics.node_listen
    if listen is None:
        yield
        return
    server = PrivateServer(listen, node_pages(node))
    await server.start_or_tell()
    try:
        yield
    finally:
        await server.close()


def node_pages(node: "Node") -> Pages:
    facts = {**build(), "engine": engine().value, "aioquic": WANTED}
    numbers = exposition(node.metrics, facts, PREFIX)

    async def checks() -> list[Check]:
        return node_checks(node)

    return pages(numbers.page, checks)
