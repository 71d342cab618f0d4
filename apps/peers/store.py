"""The store contract of the node, kept by the control plane's own services (spec core §9, decision 15)."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError

from apps.audit.actors import SYSTEM, Actor
from apps.peers import selectors, services
from apps.peers.drafts import draft_of
from apps.peers.errors import Absent
from node.core.errors import BackendError, NotFound
from node.core.identity import AuthToken, Identity
from node.core.index import PeerIndex, build_index
from node.core.peers import InvalidPeer, PeerEntry
from node.core.repository import IdentityStore

_P = ParamSpec("_P")
_R = TypeVar("_R")


class DjangoIdentityStore(IdentityStore):
    """Writes through the services; reads an index that `refresh` builds out of the tables."""

    def __init__(self, actor: Actor = SYSTEM) -> None:
        self._actor = actor
        self._index = PeerIndex()

    async def refresh(self) -> None:
        """Read the tables anew. Raises BackendError, and the old index stays."""
        self._index = await _run(_load_index)

    def resolve_from_fingerprint(self, fingerprint: str) -> Identity | None:
        return self._now().resolve_fingerprint(fingerprint)

    def resolve_from_token(self, token: AuthToken) -> Identity | None:
        return self._now().resolve_token(token)

    def _now(self) -> PeerIndex:
        """The index without what has come to its end since it was read."""
        self._index = self._index.at(time.time())
        return self._index

    async def put_peer(self, peer: PeerEntry) -> None:
        await _run(services.put_peer, actor=self._actor, draft=draft_of(peer))
        await self.refresh()

    async def update_peer(self, peer_id: str, peer: PeerEntry) -> None:
        await _run(services.update_peer, actor=self._actor, peer_id=peer_id, changes=draft_of(peer))
        await self.refresh()

    async def remove_peer(self, peer_id: str) -> None:
        await _run(services.remove_peers, actor=self._actor, peer_ids=[peer_id])
        await self.refresh()


async def _run(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run on Django's thread, and speak the contract's errors."""
    try:
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    except Absent as error:
        raise NotFound(str(error)) from error
    except (InvalidPeer, DatabaseError) as error:
        raise BackendError(str(error)) from error


def _load_index() -> PeerIndex:
    return build_index(selectors.list_peers(), selectors.list_api_keys(), 0, selectors.list_terms())
