"""Who owns what: the containers, shells and jobs that callers had this node make (spec call §12).

In memory and of one node: what a process spawned ends with it, and so does the record. Everything happens on the loop.
"""

from typing import Protocol

from node.core.identity import Identity


class OwnershipProvider(Protocol):
    """What the access check asks. Owners are compared by `identity.id` alone."""

    def owns(self, identity: Identity, kind: str, resource_id: str, action: str | None) -> bool:
        """Whether this one resource is the caller's; its owner may do anything to it, whatever the action."""
        ...

    def owns_any(self, identity: Identity, kind: str) -> bool:
        """Whether the caller owns at least one resource of this kind."""
        ...


class OwnershipStore:
    """Handlers record what they spawn, and revoke it when it is gone."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], str] = {}
        self._owned: dict[tuple[str, str], dict[str, None]] = {}

    def record(self, identity: Identity, kind: str, resource_id: str) -> None:
        """The caller owns this resource from now on; whoever owned it before does no longer."""
        self.revoke(kind, resource_id)
        self._owners[kind, resource_id] = identity.id
        self._owned.setdefault((identity.id, kind), {})[resource_id] = None

    def revoke(self, kind: str, resource_id: str) -> None:
        """Nobody owns it any longer. Harmless when repeated."""
        owner = self._owners.pop((kind, resource_id), None)
        if owner is None:
            return
        owned = self._owned[owner, kind]
        del owned[resource_id]
        if not owned:
            del self._owned[owner, kind]

    def owns(self, identity: Identity, kind: str, resource_id: str, action: str | None = None) -> bool:
        """Ownership gates no action: `action` is there for providers that do (spec call §12)."""
        return self._owners.get((kind, resource_id)) == identity.id

    def owns_any(self, identity: Identity, kind: str) -> bool:
        return (identity.id, kind) in self._owned

    def owned_resources(self, identity: Identity, kind: str) -> tuple[str, ...]:
        """The ids of the caller's resources of this kind, in the order in which they were recorded."""
        return tuple(self._owned.get((identity.id, kind), ()))

    def __len__(self) -> int:
        """Resources that somebody owns."""
        return len(self._owners)

    def __bool__(self) -> bool:
        """A store that is there, even with nothing in it."""
        return True
