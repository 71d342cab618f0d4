"""The node as a process: from its start to its end, and what its supervisor is told on the way."""

import asyncio
import logging
import signal

from node.assembly.node import Load, Node, open_node, until_key
from node.assembly.running import on_signals
from node.assembly.serving import listen, serve
from node.assembly.ssh import CannotListen
from node.assembly.store import loaded as store_loaded
from node.custody.errors import CustodyError
from node.custody.memory import keep_to_ourselves
from node.handlers.call.errors import RegistrationError
from node.lifeline import Lifeline
from node.links.dialled import Dialling
from node.loop_faults import tell_faults
from node.open_files import make_room
from node.quic.selftest import EngineMismatch
from node.quic.tls.keys import KeyFileError
from node.service_manager import ServiceManager
from node.settings import LoadedSettings
from node.store.libraries import TwoSqliteLibraries
from node.store.policy import PolicyError
from node.vault import VaultError

START_ERRORS = (
    CannotListen,
    OSError,
    KeyFileError,
    PolicyError,
    EngineMismatch,
    TwoSqliteLibraries,
    CustodyError,
    VaultError,
    RegistrationError,
)
"""What is wrong with the machine, its files or what is installed, told in one line.

Anything else is our fault, and keeps its trace.
"""

logger = logging.getLogger(__name__)


async def run_node(loaded: LoadedSettings, load: Load, lifeline: Lifeline) -> int:
    """Serve until SIGTERM, SIGINT or the end of the supervisor, drain, and give the exit status.

    `load` reads the settings again, as they were read at the start. Where the node's key is behind a locked vault, the
    supervisor is told that this process runs and waits; it serves by itself once the vault is unlocked.
    """
    keep_to_ourselves()
    make_room()
    tell_faults(asyncio.get_running_loop())
    stop = asyncio.Event()
    orphaned = asyncio.create_task(_stop_when_orphaned(lifeline, stop), name="lifeline")
    manager = ServiceManager.from_environment()
    try:
        with on_signals({signal.SIGTERM: stop.set, signal.SIGINT: stop.set}):
            async with manager.watched(), open_node(loaded, load, manager) as node:
                await _run(node, _Told(lifeline, manager), stop)
    except START_ERRORS as error:
        logger.critical("the node cannot start", extra={"error": str(error)})
        return 1
    finally:
        orphaned.cancel()
    return 0


class _Told:
    """Who is told how the node is: the supervisor and the service manager, one of which there may be."""

    def __init__(self, lifeline: Lifeline, manager: ServiceManager) -> None:
        self._lifeline, self._manager = lifeline, manager

    def tell(self, node: Node) -> None:
        """A node that waits for its vault is up as well: a person, and not a restart, makes it go on."""
        self._lifeline.ready(**node.facts())
        self._manager.ready(node.status())

    def stopping(self) -> None:
        self._manager.stopping()


async def _run(node: Node, told: _Told, stop: asyncio.Event) -> None:
    try:
        await _until(node, told, stop)
    finally:
        told.stopping()


async def _until(node: Node, told: _Told, stop: asyncio.Event) -> None:
    if node.identity.waits:
        told.tell(node)
    key = await until_key(node, stop)
    if key is None:
        return
    async with listen(node.settings, node.limits, node.handlers, node.metrics, key) as listening:
        if not await store_loaded(node.store, stop):
            return
        async with serve(listening, node.limits, node.store, node.metrics, node.journal) as node.serving:
            node.links.dial(Dialling(key, node.limits.quic, node.serving.endpoint.listing))
            node.keeper.subscribe(lambda: told.tell(node))
            told.tell(node)
            await stop.wait()
            node.links.dial_no_more()


async def _stop_when_orphaned(lifeline: Lifeline, stop: asyncio.Event) -> None:
    await lifeline.wait_parent_gone()
    stop.set()
