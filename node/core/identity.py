"""Who is on the other side (spec core §5). Identity is a stable name; a key only proves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Address = tuple[str, int]
"""(IP address, port) as text and number."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A resolved caller: `id` is the peer_id, an API key's prefix, or a composition label. Equal by value.

    `locked` has the scopes that a lock keeps from it, each with the words of that lock. It is for what the denied and
    the journal are told, and handlers refuse what such a scope covers (node.core.scopes). `own` is what it is without
    the grants that it has at this moment (docs/adr/0048), and None where it has none that give it more.
    """

    id: str
    scopes: tuple[str, ...] = ()
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    locked: Mapping[str, str] = field(default_factory=dict, compare=False)
    own: "Identity | None" = None

    def to_json(self) -> dict[str, Any]:
        """Exactly `id`, `scopes` and `resources`, always all three."""
        return {
            "id": self.id,
            "scopes": list(self.scopes),
            "resources": {kind: list(names) for kind, names in self.resources.items()},
        }


@dataclass(frozen=True, slots=True)
class AuthContext:
    """What TLS told the endpoint about a connection. Immutable, and never updated when rights change.

    `tls_client_fingerprint` is set whenever a client key was presented and proven, known or not. An X.509 leaf with an
    Ed25519 key has a second name, `alternative_fingerprint`, tried after the first (decision 5).
    """

    identity: Identity | None
    alpn: bytes
    remote_addr: Address | None = None
    tls_client_fingerprint: str | None = None
    alternative_fingerprint: str | None = None

    @classmethod
    def anonymous(cls, alpn: bytes) -> "AuthContext":
        return cls(identity=None, alpn=alpn)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The names of the proven key in the order in which they are looked up."""
        names = (self.tls_client_fingerprint, self.alternative_fingerprint)
        return tuple(name for name in names if name is not None)


@dataclass(frozen=True, slots=True, repr=False)
class AuthToken:
    """An opaque bearer token. Its repr never shows it."""

    raw: bytes

    def __repr__(self) -> str:
        return "AuthToken(…)"
