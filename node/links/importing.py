"""Keeping what another node offers imported, for as long as one connection to it lasts."""

import asyncio
import fnmatch
import logging
import re
from typing import NoReturn

from node.client.backoff import Backoff
from node.handlers.call.connection import CallConnection
from node.handlers.call.errors import RegistrationError
from node.handlers.call.hub import renew_import, withdraw_import
from node.handlers.call.import_errors import ImportFailed
from node.handlers.call.imports import ImportRules, offered_names
from node.handlers.call.peers import PeerMap
from node.links.settings import ImportSettings
from node.links.state import LinkState

FIRST_RETRY = 1.0
"""Seconds after the first import that failed; each that follows takes twice as long, up to `refresh`."""
DISCOVERY = "services/"
"""What describes a node is about that node, and is none of the things that can be composed."""

logger = logging.getLogger(__name__)


def rules_of(wanted: ImportSettings) -> ImportRules:
    """The rules of an import as the settings give them. Of `services/…` nothing is taken, whatever a pattern says."""
    taken = re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in wanted.operations))
    return ImportRules(
        namespace_prefix=wanted.namespace_prefix,
        operation_filter=lambda name: not name.startswith(DISCOVERY) and taken.match(name) is not None,
        max_operations=wanted.max_operations,
        max_schema=wanted.max_schema,
        max_schemas=wanted.max_schemas,
        max_output=wanted.max_output,
        timeout=wanted.timeout,
    )


def _expression(pattern: str) -> str:
    """Of the signs that fnmatch knows only `*` is one here. Its expressions do not go back over what has matched."""
    return fnmatch.translate(pattern.replace("[", "[[]").replace("?", "[?]"))


class Importer:
    """Imports by one connection: at once, and again whenever the other node offers something else."""

    def __init__(self, calls: CallConnection, peers: PeerMap, wanted: ImportSettings, state: LinkState) -> None:
        self._calls = calls
        self._peers = peers
        self._rules = rules_of(wanted)
        self._refresh = wanted.refresh
        self._backoff = Backoff(min(FIRST_RETRY, wanted.refresh), wanted.refresh)
        self._state = state
        self._known: tuple[str, ...] | None = None

    async def run(self) -> NoReturn:
        """For ever; cancellation ends it, and with it everything that was imported."""
        self._calls.on_end(self.withdraw)
        try:
            while True:
                delay = await self._look()
                await asyncio.sleep(delay)
        finally:
            self.withdraw()

    def withdraw(self) -> None:
        """Nothing of this connection can be composed any more. Harmless when repeated."""
        self._known = None
        withdraw_import(self._calls, self._peers, self._state.name)

    def stand_in(self) -> None:
        """Another connection to the same node has ended: what was imported by this one takes its place."""
        if self._known is not None and self._state.name not in self._peers.snapshot():
            self._peers.attach(self._state.name, self._calls.imported)

    async def _look(self) -> float:
        """Import where there is something else to import; seconds until the next look."""
        try:
            offered = await offered_names(self._calls, self._rules)
            if offered != self._known:
                await self._import(offered)
        except (ImportFailed, RegistrationError) as error:
            return self._failed(str(error))
        except Exception:
            logger.exception("an import failed for a reason that nobody foresaw", extra={"node": self._state.name})
            return self._failed("the import failed; the node's log says how")
        self._state.error = None
        return self._refresh

    async def _import(self, offered: tuple[str, ...]) -> None:
        operations = await renew_import(self._calls, self._peers, self._state.name, self._rules)
        self._known = offered
        self._state.counts.imports += 1
        facts = {"node": self._state.name, "operations": len(operations)}
        logger.info("operations imported", extra=facts)
        if not operations:
            logger.warning("that node offers us nothing that the settings take", extra=facts)

    def _failed(self, error: str) -> float:
        self._state.counts.import_failures += 1
        if self._state.failed(error) and not self._calls.ended:
            logger.warning("operations could not be imported", extra={"node": self._state.name, "error": error})
        return self._backoff.delay()
