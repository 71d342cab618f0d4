"""What stands for as long as the node's process runs, whether or not its vault is open."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from node import opened as opened_credentials
from node.assembly.control import answer_administrator
from node.assembly.credentials import open_credentials
from node.assembly.ends import keeping_time
from node.assembly.enrolment import open_enrolment
from node.assembly.exposition import show_metrics
from node.assembly.forwarding import open_forwarding
from node.assembly.handlers import call_operations, make_handlers
from node.assembly.identity import NodeIdentity
from node.assembly.journal import open_journal
from node.assembly.links import open_links
from node.assembly.numbers import add_process, add_store
from node.assembly.running import on_signals, running
from node.assembly.serving import Serving
from node.assembly.sftp import open_sftp, subsystem
from node.assembly.ssh import open_ssh
from node.assembly.store import Store, open_store
from node.core import lock_provider
from node.core.forwarding import rules
from node.core.journal import Journal
from node.core.metrics import Metrics
from node.core.tasks import first
from node.custody.custody import Custody
from node.custody.door import open_door
from node.custody.keeper import VaultKeeper
from node.endpoint.registry import HandlerRegistry
from node.handlers.call.operation import OperationRegistry
from node.links.links import Links
from node.loop_lag import LoopLag
from node.opened import OpenedCredentials
from node.quic.tls.keys import NodeKey
from node.reload import LiveSettings, SettingsWatch
from node.report import report
from node.service_manager import ServiceManager
from node.settings import LoadedSettings, Settings
from node.store.libraries import require_one_sqlite
from node.store.memory import MemoryIdentityStore
from node.vault import CacheConfig
from node.vault.selftest import run_selftest

EVERYTHING_LOCKED = "everything is locked: no connection is let in until that lock ends or is lifted"

Load = Callable[[], LoadedSettings]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Node:
    """The parts of a running node. `serving` is None while it waits: for its key, or for the first index of peers."""

    settings: Settings
    limits: LiveSettings
    metrics: Metrics
    keeper: VaultKeeper
    identity: NodeIdentity
    store: Store
    opened: OpenedCredentials
    operations: OperationRegistry
    handlers: HandlerRegistry
    links: Links
    journal: Journal
    started_at: float = field(default_factory=time.time)
    """Unix seconds."""
    serving: Serving | None = None
    lag: LoopLag = field(default_factory=LoopLag)

    def waiting(self) -> list[str]:
        """What does not work, most of it before the vault is unlocked, in words for people."""
        parts = [] if self.store.held.everything is None else [EVERYTHING_LOCKED]
        if self.keeper.state == "unlocked":
            return [*parts, *self.opened.waiting()]
        waits = self.identity.waits and self.serving is None  # one that serves has its key loaded
        parts += ["QUIC: the node's key is derived from the vault"] if waits else []
        return [*parts, "credentials: they are closed while the vault is locked"]

    def facts(self) -> dict[str, object]:
        """What the supervisor is told, each time that it changes."""
        names = {"address": self.settings.node.listen, "fingerprint": self.identity.fingerprint, "certificate": ""}
        if self.serving is not None:
            names = self.serving.names()
        return {**names, "serving": self.serving is not None, "vault": self.keeper.state}

    def status(self) -> str:
        """The same in a sentence, for the service manager."""
        if self.serving is None:
            return "waiting: " + ("; ".join(self.waiting()) or "the peers have not been read yet")
        return f"serving at {self.serving.names()['address']}, vault {self.keeper.state}"

    def hang_up(self, watch: SettingsWatch, manager: ServiceManager) -> None:
        """Read every file again that can be."""
        manager.reloading()
        watch.ask(lambda: manager.ready(self.status()))
        if self.serving is not None:
            self.serving.certificates.ask()
        if isinstance(self.store, MemoryIdentityStore):
            self.store.reload()


@contextlib.asynccontextmanager
async def open_node(loaded: LoadedSettings, load: Load, manager: ServiceManager | None = None) -> AsyncIterator[Node]:
    """A node whose store follows the peers and whose vault can be unlocked; everything closed on the way out.

    `manager` is told when it reads its settings again.
    """
    manager = manager or ServiceManager()
    settings, limits, metrics = loaded.settings, LiveSettings(loaded.settings), Metrics()
    require_one_sqlite()
    run_selftest()
    keeper = open_keeper(settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(keeper.close)
        identity = NodeIdentity(settings, keeper)
        await stack.enter_async_context(open_door(settings.paths.vault_door, keeper))
        watch = SettingsWatch(loaded, load, limits)
        journal = await stack.enter_async_context(open_journal(settings, limits, metrics))
        store = await stack.enter_async_context(open_store(settings, limits))
        await stack.enter_async_context(keeping_time(store))
        metrics.add("locks", store.lock_counts, meanings=lock_provider.MEANINGS)
        metrics.add("forwarding_rules", store.forwarding_counts, meanings=rules.MEANINGS)
        opened = open_credentials(store, limits, keeper)
        stack.callback(opened.close)
        metrics.add("credentials", opened.snapshot, meanings=opened_credentials.MEANINGS)
        operations = call_operations(settings.call)
        register = await stack.enter_async_context(
            open_enrolment(settings, limits, store, metrics, lambda: identity.fingerprint, journal)
        )
        sftp = await stack.enter_async_context(open_sftp(settings, limits, store, metrics, journal))
        forwarding = open_forwarding(settings, limits, metrics, opened, store.forwarding)
        subsystems = {"sftp": subsystem(sftp, journal)}
        ssh = open_ssh(settings, limits, store, metrics, keeper, journal, subsystems, forwarding)
        protocols = make_handlers(limits, store, metrics, operations, opened, journal, register, sftp, ssh)
        links = await stack.enter_async_context(open_links(protocols.calls, store, limits, metrics))
        node = Node(
            settings, limits, metrics, keeper, identity, store, opened, operations, protocols.registry, links, journal
        )
        stack.enter_context(on_signals({signal.SIGHUP: lambda: node.hang_up(watch, manager)}))
        await stack.enter_async_context(running(node.lag.run(), "loop lag"))
        await stack.enter_async_context(running(watch.run(), "settings"))
        await stack.enter_async_context(running(report(metrics), "report"))
        await stack.enter_async_context(answer_administrator(node))
        add_store(metrics, store)
        add_process(metrics, node.lag)
        await stack.enter_async_context(show_metrics(node))
        yield node


def open_keeper(settings: Settings) -> VaultKeeper:
    """The vault of this node, opened if a key file or a credential does that."""
    cache = CacheConfig(ttl=settings.vault.cache_ttl, max_entries=settings.vault.cache_entries)
    keeper = VaultKeeper(Custody(settings.paths, settings.vault.key_file), cache)
    keeper.open_by_key()
    return keeper


async def until_key(node: Node, stop: asyncio.Event) -> NodeKey | None:
    """The node's key, as soon as the vault is open that it may be behind. None if the stop came first."""
    while node.identity.waits and not stop.is_set():  # it may be locked again before this hears that it was not
        logger.warning("waiting for the vault to be unlocked", extra={"reason": node.keeper.reason})
        await first(node.keeper.wait_unlocked(), stop.wait())
    return None if stop.is_set() else node.identity.key()
