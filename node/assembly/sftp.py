"""SFTP of the node: its handler, and the same as a subsystem of SSH."""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from node.assembly.store import Store
from node.core.identity import AuthContext
from node.core.journal import Journal
from node.core.metrics import Metrics
from node.handlers.call.denials import Denials
from node.handlers.sftp import counts
from node.handlers.sftp.codec import BadMessage
from node.handlers.sftp.handler import SessionsFull, SftpHandler
from node.reload import LiveSettings
from node.settings import Settings

if TYPE_CHECKING:
    from node.handlers.ssh.subsystem import Subsystem, SubsystemSession

SSH = b"alknet/ssh"
OK, FAILED = 0, 1
"""What the client's program is told at the end, which makes it its own exit status."""


@contextlib.asynccontextmanager
async def open_sftp(
    settings: Settings, limits: LiveSettings, store: Store, metrics: Metrics, journal: Journal
) -> AsyncIterator[SftpHandler]:
    """The handler of `alknet/sftp`. What sessions left open is closed on the way out."""
    handler = SftpHandler(store, limits.sftp, journal, settings.data)
    metrics.add("sftp", handler.snapshot, meanings=counts.MEANINGS)
    metrics.add_denials("sftp", handler.denials)
    try:
        yield handler
    finally:
        await handler.close()


def subsystem(handler: SftpHandler, journal: Journal) -> "Subsystem":
    """Serves a session of SSH, whose peer needs `ssh:sftp` for it, and the rights to buckets as everybody does."""

    async def serve(session: "SubsystemSession") -> int:
        denials = Denials(journal, AuthContext(session.identity, SSH))
        try:
            await handler.serve(session.stream, session.current, denials.tell)
        except (BadMessage, EOFError, TimeoutError, SessionsFull):
            return FAILED
        finally:
            denials.close()
        return OK

    return serve
