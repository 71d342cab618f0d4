"""Where an operation is from, and with which power and reach its handler calls others (spec call §12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from node.core.identity import Identity


class Provenance(StrEnum):
    """Where an operation is from. Those that are imported forward to somebody else, and compose nothing."""

    LOCAL = "local"
    SESSION = "session"
    FROM_CALL = "from_call"
    FROM_OPENAPI = "from_openapi"
    FROM_MCP = "from_mcp"
    FROM_JSON_SCHEMA = "from_json_schema"

    @property
    def composes(self) -> bool:
        return self in (Provenance.LOCAL, Provenance.SESSION)

    @property
    def always_internal(self) -> bool:
        """What an agent wrote, and what another node offers, is for composition alone (deviation D10)."""
        return self in (Provenance.SESSION, Provenance.FROM_CALL)


@dataclass(frozen=True, slots=True)
class CompositionAuthority:
    """What a handler may have others do for it, whoever called it. It is no peer, and no key or token gives it."""

    label: str
    scopes: tuple[str, ...] = ()
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def as_identity(self) -> Identity:
        """The caller that the operations which it composes see."""
        return Identity(self.label, self.scopes, self.resources)


@dataclass(frozen=True, slots=True)
class ScopedEnvironment:
    """The operations that a handler can reach at all; any other does not exist for it.

    `allowed` may be reached by any route, `pinned` ("peer-id/service/op") only at the peer that it names.
    """

    allowed: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()

    def allows(self, name: str, peer: str | None = None) -> bool:
        """Whether `name` is within reach, at `peer` if one is named."""
        return name in self.allowed or (peer is not None and f"{peer}/{name}" in self.pinned)


NOTHING_IN_REACH = ScopedEnvironment()
