"""Who may do what with which bucket: asked anew for each request, so that a right that is taken away ends at once."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from node.core.access import Decision
from node.core.identity import Identity
from node.core.scopes import allowed_by_scope
from node.handlers.sftp.refusals import Denied

RESOURCE = "bucket"
ANY = "*"
"""The name that stands for every bucket in a peer's resources."""


class Right(StrEnum):
    """The scope that is asked for."""

    READ = "sftp:read"
    WRITE = "sftp:write"


Tell = Callable[[str, Identity | None, Decision], None]
"""Told of each denial: what was asked, by whom, and why not."""


class Rights(Protocol):
    """Of whoever has a session."""

    def allows(self, bucket: str, right: Right) -> bool:
        """At this moment. Nobody is told."""
        ...

    def demand(self, bucket: str, right: Right) -> None:
        """Raises Denied, which is told."""
        ...


def judge(identity: Identity | None, bucket: str, right: Right) -> Decision:
    """The scope is asked for, and the bucket among the resources; no resources are none."""
    decision = allowed_by_scope(identity, right.value)
    if not decision.allowed or identity is None:
        return decision
    held = identity.resources.get(RESOURCE, ())
    has = f"“{identity.id}” has for {RESOURCE}: {', '.join(held)[:200] or 'none'}"
    if bucket in held or ANY in held:
        return Decision(allowed=True, explanation=has)
    return Decision(allowed=False, message=f"missing resource: {RESOURCE}/{bucket}", explanation=has)


class PeerRights:
    """Of a peer. `identify` tells who that is now."""

    def __init__(self, identify: Callable[[], Identity | None], tell: Tell) -> None:
        self._identify = identify
        self._tell = tell
        self._judged: Identity | None = None
        self._allowed: set[tuple[str, Right]] = set()
        """What that identity was allowed: the same one is allowed the same."""

    def allows(self, bucket: str, right: Right) -> bool:
        return self._denial(self._identify(), bucket, right) is None

    def demand(self, bucket: str, right: Right) -> None:
        identity = self._identify()
        denial = self._denial(identity, bucket, right)
        if denial is not None:
            self._tell(f"{right.value} {bucket}", identity, denial)
            raise Denied

    def _denial(self, identity: Identity | None, bucket: str, right: Right) -> Decision | None:
        """None where it is allowed."""
        if identity is not self._judged:
            self._judged = identity
            self._allowed.clear()
        if (bucket, right) in self._allowed:
            return None
        decision = judge(identity, bucket, right)
        if not decision.allowed:
            return decision
        self._allowed.add((bucket, right))
        return None
