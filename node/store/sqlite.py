"""The store of the appliance, for all that the node follows: one SQLite file, watched by honker.

The tables are those of spec core §13. Reads come from memory and follow the file within milliseconds of any process's
commit. The write half is for programs that embed the node without the control plane; the appliance writes through
Django and leaves it alone.
"""

import asyncio
from pathlib import Path

from node.core.credentials import EncryptedData
from node.core.live import Live, live
from node.core.peers import PeerEntry
from node.core.repository import IdentityStore
from node.store.commit import Committer
from node.store.credential_writer import CredentialWriter
from node.store.follower import Follower, Published
from node.store.limits import StoreLimits
from node.store.writer import PeerWriter


class SqliteStore(Published, IdentityStore):
    """Serves an empty index until the file has its tables; from then on the last one that could be read.

    A swap's `changed` is None after a full reload. Each index's `generation` is the id of the last notification in it.
    """

    def __init__(self, path: Path, limits: StoreLimits | Live[StoreLimits] | None = None) -> None:
        super().__init__()
        held = live(limits or StoreLimits())
        self._follower = Follower(path, held, self)
        committer = Committer(held)
        self._writer = PeerWriter(committer)
        self._credential_writer = CredentialWriter(committer)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow the file, and wait for the first attempt to read it, however that ends."""
        self._task = asyncio.create_task(self._follower.run(), name="store")
        await self._follower.attempted.wait()

    async def stop(self) -> None:
        """Close the file. The last index goes on answering. Harmless when repeated."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def loaded(self) -> bool:
        """Whether a whole index has been read since the start."""
        return self._follower.loaded.is_set()

    @property
    def following(self) -> bool:
        """Whether the file is open, and its commits are heard of and understood."""
        return self._follower.database is not None and not self._follower.complaint

    @property
    def complaint(self) -> str:
        """What keeps the index from following the file, for people; empty where nothing does."""
        return self._follower.complaint

    @property
    def position(self) -> int | None:
        """The last notification that has been read; None before the first, and while the file is being read anew."""
        return None if self._follower.position is None else self._follower.position.last_id

    @property
    def bad_rows(self) -> int:
        """Rows that were dropped since the start because they could not be read."""
        return self._follower.reader.bad_rows

    async def wait_loaded(self) -> None:
        """Wait for the first whole index."""
        await self._follower.loaded.wait()

    async def wait_fresh(self, notification_id: int) -> None:
        """Wait until the index contains this row of `_honker_notifications`."""
        await self._follower.reached(notification_id)

    async def put_peer(self, peer: PeerEntry) -> None:
        await self._writer.put_peer(self._follower.database, peer)

    async def update_peer(self, peer_id: str, peer: PeerEntry) -> None:
        await self._writer.update_peer(self._follower.database, peer_id, peer)

    async def remove_peer(self, peer_id: str) -> None:
        await self._writer.remove_peer(self._follower.database, peer_id)

    async def put(self, provider: str, data: EncryptedData) -> None:
        await self._credential_writer.put(self._follower.database, provider, data)

    async def delete(self, provider: str) -> None:
        await self._credential_writer.delete(self._follower.database, provider)
