"""Grants: exactly these rights for one peer, up to a moment (docs/adr/0048).

Pure rules, on immutable values: the same rows at the same moment always give the same. A grant only adds to what the
entry of its peer gives; who may not connect gets nothing by it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from node.core.access import AccessControl, check_access
from node.core.ends import Ends, ends_of
from node.core.errors import InvalidFields
from node.core.identity import Identity
from node.core.sharded import ShardedMap
from node.core.span import Span

MAX_CARRIED = 256
"""What one connection was let through to by grants, told apart; one with more counts as let through to everything."""


class InvalidGrant(InvalidFields):
    """A grant of which nobody can tell whom it gives what until when, or that may not be."""


@dataclass(frozen=True, slots=True)
class Grant:
    """These scopes and, where `resource_type` is not "", this one resource. `expires_at` is in unix seconds."""

    grant_id: str
    peer_id: str
    scopes: tuple[str, ...]
    resource_type: str
    resource: str
    expires_at: float


Held = Mapping[str, tuple[Grant, ...]]
"""The grants in force, by the names of their peers; of each the one that lasts longest first."""


@dataclass(frozen=True, slots=True)
class Grants:
    """Every grant by its id, and which are in force at one moment."""

    grants: ShardedMap[Grant] = field(default_factory=ShardedMap)
    ends: Ends = field(default_factory=Ends)
    held: Held = field(default_factory=dict)

    @property
    def span(self) -> Span:
        """The stretch of time around the moment of this value in which the same are in force."""
        return self.ends.span

    def at(self, now: float) -> "Grants":
        """The same grants at another moment, in unix seconds."""
        ends = self.ends.at(now)
        return self if ends is self.ends else _judged(self.grants, ends)

    def patched(self, changes: Mapping[str, Grant | None], now: float) -> "Grants":
        """A copy with these grants changed, at this moment; None removes one."""
        if not changes:
            return self
        return _judged(self.grants.patched(changes), self.ends.patched(self.grants, changes, now))

    def concerned(self, grant_ids: Iterable[str]) -> set[str]:
        """The names of the peers that these grants are for."""
        return {grant.peer_id for name in grant_ids if (grant := self.grants.get(name)) is not None}

    def differing(self, other: "Grants") -> set[str]:
        """The names of the peers that have other grants in one of these than in the other."""
        if self.held is other.held:
            return set()
        names = self.held.keys() | other.held.keys()
        return {name for name in names if self.held.get(name) != other.held.get(name)}


def build_grants(grants: Iterable[Grant], now: float) -> Grants:
    """These grants, at this moment. Of one id the last one counts."""
    found = {grant.grant_id: grant for grant in grants}
    return _judged(ShardedMap[Grant]().patched(found), ends_of(found, now))


def _judged(grants: ShardedMap[Grant], ends: Ends) -> Grants:
    """The cost is that of the grants in force, which are few."""
    held: dict[str, tuple[Grant, ...]] = {}
    for grant in sorted((grants[name] for name in ends.ahead), key=lambda grant: (-grant.expires_at, grant.grant_id)):
        held[grant.peer_id] = (*held.get(grant.peer_id, ()), grant)
    return Grants(grants, ends, held)


def with_grants(identity: Identity, held: Held) -> Identity:
    """The identity with what its grants give besides; the very same where they give nothing."""
    given = held.get(identity.id)
    if given is None:
        return identity
    scopes = tuple(dict.fromkeys((*identity.scopes, *(scope for grant in given for scope in grant.scopes))))
    resources = dict(identity.resources)
    for grant in given:
        if grant.resource_type:
            names = resources.get(grant.resource_type, ())
            resources[grant.resource_type] = tuple(dict.fromkeys((*names, grant.resource)))
    more = Identity(identity.id, scopes, resources)
    return identity if more == identity else Identity(identity.id, scopes, resources, own=identity)


class Carried:
    """What the callers of one connection were let through to by grants alone."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, AccessControl], None] = {}

    def note(self, identity: Identity, control: AccessControl) -> None:
        """`identity` was allowed `control`. What it may do without its grants as well is not kept."""
        asked = (identity.id, control)
        if identity.own is None or asked in self._asked or check_access(control, identity.own).allowed:
            return
        self._asked[asked if len(self._asked) < MAX_CARRIED else (identity.id, _EVERYTHING)] = None

    def ended(self, now: Mapping[str, Identity | None]) -> str | None:
        """The first of these callers that may no longer do what it was let through to, being what it is `now`."""
        found = (name for name, control in self._asked if name in now and not check_access(control, now[name]).allowed)
        return next(found, None)

    def __bool__(self) -> bool:
        return bool(self._asked)


_EVERYTHING = AccessControl(required_scopes_any=())
"""Denied to everybody."""
