"""The protocol handler of `alknet/sftp`: each stream that a peer opens is a session, and its key says who it is."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from node.core.access import Decision
from node.core.connection import BiStream, Connection
from node.core.errors import AuthRequired, LastStream, StreamError, handler_error
from node.core.identity import AuthContext, Identity
from node.core.journal import Journal, NoJournal
from node.core.live import Live, live
from node.core.repository import IdentityProvider, resolve_client
from node.core.tasks import TaskSet
from node.handlers.call.denials import Denials
from node.handlers.sftp.bucket_tree import BucketTree
from node.handlers.sftp.buckets import DirectoryBuckets
from node.handlers.sftp.codec import BadMessage
from node.handlers.sftp.counts import Counts
from node.handlers.sftp.handles import Handles
from node.handlers.sftp.limits import SftpLimits
from node.handlers.sftp.reading import ByteStream
from node.handlers.sftp.rights import PeerRights, Tell
from node.handlers.sftp.session import SftpSession
from node.handlers.sftp.shares import Shares

ALPN = b"alknet/sftp"
TOO_MANY = 0x10
"""The code by which a stream is reset that is a session too many."""
ENDED = 0x11
"""The code of one whose session ended by a fault: a packet that is none, or nothing that moved."""

logger = logging.getLogger(__name__)


class SftpHandler:
    """Serves the buckets of the settings, over any connection, and over any byte stream that others bring."""

    alpn = ALPN

    def __init__(
        self,
        provider: IdentityProvider,
        limits: SftpLimits | Live[SftpLimits],
        journal: Journal | None = None,
        never: Path | None = None,
    ) -> None:
        """Nothing of the directory `never`, and nothing that holds it, is in any bucket."""
        self._provider = provider
        self._limits = live(limits)
        self._journal = journal or NoJournal()
        self._counts = Counts()
        self._sessions = Shares(lambda: self._limits.value.max_sessions)
        self._open = Shares(lambda: self._limits.value.max_open)
        self._closing = TaskSet()
        self._threads = ThreadPoolExecutor(self._limits.value.threads, "sftp")
        self._buckets = DirectoryBuckets(self._limits, self._threads, never)

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        """Raises AuthRequired, HandlerError."""
        if resolve_client(self._provider, auth) is None:
            raise AuthRequired
        connection.keep_alive()  # a person may think for longer than a connection may be silent
        sessions = TaskSet()
        denials = Denials(self._journal, auth)
        try:
            await self._accept(connection, auth, sessions, denials)
        except LastStream:
            await sessions.idle()
        except StreamError as error:
            raise handler_error(error) from error
        finally:
            await sessions.cancel()
            denials.close()

    async def serve(self, stream: ByteStream, identify: Callable[[], Identity | None], tell: Tell) -> None:
        """One session over any stream. `identify` tells who has it, whenever it is asked; `tell` hears of denials.

        Raises SessionsFull, and what SftpSession.run does.
        """
        identity, limits = identify(), self._limits.value
        peer = "" if identity is None else identity.id
        if not self._sessions.has_room(peer):
            self._counts.turned_away += 1
            raise SessionsFull
        self._sessions.take(peer)
        try:
            tree = BucketTree(self._buckets, PeerRights(identify, self._denied(tell)))
            handles = Handles(limits.max_handles, peer, self._open, self._closing)
            await SftpSession(stream, tree, limits, self._counts, handles).run()
        except TimeoutError:
            self._counts.stalled += 1
            raise
        finally:
            self._sessions.give_back(peer)

    def snapshot(self) -> dict[str, int]:
        return {**asdict(self._counts), "sessions": self._sessions.count, "open_files": self._open.count}

    def denials(self) -> dict[str, int]:
        """Requests that somebody had no right to."""
        return {"forbidden": self._counts.denied}

    async def close(self) -> None:
        """Once there is no session any more: what they left open is closed, and the threads end."""
        await self._closing.idle()
        self._threads.shutdown(wait=False)

    async def _accept(self, connection: Connection, auth: AuthContext, sessions: TaskSet, denials: Denials) -> None:
        """Raises StreamError; returns where the peer has opened nothing for long."""
        while True:
            try:
                async with asyncio.timeout(self._limits.value.idle_timeout):
                    stream = await connection.accept_bi()
            except TimeoutError:
                if not len(sessions):
                    return
                continue
            if len(sessions) >= self._limits.value.max_per_connection:
                self._counts.turned_away += 1
                stream.reset(TOO_MANY)
            else:
                sessions.spawn(self._session(stream, auth, denials), "sftp session")

    async def _session(self, stream: BiStream, auth: AuthContext, denials: Denials) -> None:
        """One stream to its end. Nothing of it ends the others."""
        try:
            await self.serve(stream, lambda: resolve_client(self._provider, auth), denials.tell)
            stream.finish()
        except SessionsFull:
            stream.reset(TOO_MANY)
        except (BadMessage, EOFError, TimeoutError) as error:
            logger.info("a session of sftp ended", extra={"error": str(error) or "nothing moved"})
            stream.reset(ENDED)
        except StreamError:
            with contextlib.suppress(StreamError):
                stream.reset(ENDED)
        except BaseException:
            stream.reset(ENDED)
            raise

    def _denied(self, tell: Tell) -> Tell:
        def count(asked: str, identity: Identity | None, decision: Decision) -> None:
            self._counts.denied += 1
            tell(asked, identity, decision)

        return count


class SessionsFull(Exception):
    """There are as many sessions as there may be, or of this peer."""
