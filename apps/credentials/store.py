"""The store contract of the node, kept by the control plane's own services (spec core §9, decision 15)."""

from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError

from apps.audit.actors import SYSTEM, Actor
from apps.credentials import selectors, services
from node.core.credentials import EncryptedData, InvalidCredential
from node.core.errors import BackendError
from node.core.repository import CredentialStore

_P = ParamSpec("_P")
_R = TypeVar("_R")


class DjangoCredentialStore(CredentialStore):
    """Writes through the services; reads an index that `refresh` builds out of the table."""

    def __init__(self, actor: Actor = SYSTEM) -> None:
        self._actor = actor
        self._blobs: Mapping[str, EncryptedData] = {}

    async def refresh(self) -> None:
        """Read the table anew. Raises BackendError, and the old index stays."""
        self._blobs = await _run(selectors.blobs)

    def get(self, provider: str) -> EncryptedData | None:
        return self._blobs.get(provider)

    def list_providers(self) -> tuple[str, ...]:
        return tuple(sorted(self._blobs))

    async def put(self, provider: str, data: EncryptedData) -> None:
        await _run(services.put_credential, actor=self._actor, provider=provider, blob=data)
        await self.refresh()

    async def delete(self, provider: str) -> None:
        await _run(services.delete_credential, actor=self._actor, provider=provider)
        await self.refresh()


async def _run(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run on Django's thread, and speak the contract's errors."""
    try:
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    except (InvalidCredential, DatabaseError) as error:
        raise BackendError(str(error)) from error
