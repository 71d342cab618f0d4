"""How new machines are enrolled: the handler of `alknet/register`, and the inbox of the claims that it takes."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from node.assembly.running import running
from node.assembly.store import Store
from node.core.enrolment.claim import Inbox
from node.core.enrolment.index import EnrolmentProvider
from node.core.journal import Journal
from node.core.metrics import Metrics
from node.handlers.register import handler as register
from node.handlers.register.handler import RegisterHandler
from node.inbox.writer import InboxWriter
from node.reload import LiveSettings
from node.settings import Settings
from node.store.sqlite import SqliteStore


@contextlib.asynccontextmanager
async def open_enrolment(
    settings: Settings, limits: LiveSettings, store: Store, metrics: Metrics, node: Callable[[], str], journal: Journal
) -> AsyncIterator[RegisterHandler | None]:
    """The handler, whose inbox is tidied for as long as the block lasts; None where peers come out of a file.

    `node` gives the fingerprint of this node.
    """
    if not isinstance(store, SqliteStore):
        yield None
        return
    inbox = InboxWriter(settings.paths.journal)
    handler = RegisterHandler(store, inbox, limits.enrolment, node, journal)
    metrics.add("register", handler.snapshot, meanings=register.MEANINGS)
    async with running(_tidy(store, inbox), "inbox"):
        yield handler


async def _tidy(provider: EnrolmentProvider, inbox: Inbox) -> NoReturn:
    while True:
        await inbox.forget(await provider.taken())
