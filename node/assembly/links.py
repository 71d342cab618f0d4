"""The links of this node to others, wired: to its settings, its peers, and the list of its connections."""

import contextlib
from collections.abc import AsyncIterator

from node.assembly.store import Store
from node.core.metrics import Metrics
from node.handlers.call.handler import CallHandler
from node.links.links import Links
from node.links.state import MEANINGS
from node.reload import LiveSettings


@contextlib.asynccontextmanager
async def open_links(calls: CallHandler, store: Store, limits: LiveSettings, metrics: Metrics) -> AsyncIterator[Links]:
    """Links that follow the settings and the peers for as long as the block lasts; nothing is dialled yet."""
    links = Links(calls, store, limits.nodes)
    limits.subscribe(links.follow)
    store.subscribe(links.peers_changed)
    metrics.add("nodes", links.snapshot, meanings=MEANINGS)
    try:
        yield links
    finally:
        await links.close()
