"""What the API tells, as it tells it (docs/openapi.json). Fields that are newer than this client are left out."""

from typing import Any, ClassVar

import msgspec


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all; equal by value."""

    told_once: ClassVar[tuple[str, ...]] = ()
    """Fields that are None but in the answer to what made the thing."""


class Spellings(Model, frozen=True, kw_only=True):
    """One key in the ways that programs write it."""

    fingerprint: str
    openssh: str | None = None
    openssh_fingerprint: str | None = None
    pem: str | None = None


class Peer(Model, frozen=True, kw_only=True):
    """A peer; `keys` are fingerprints."""

    peer_id: str
    keys: list[str]
    spellings: list[Spellings]
    scopes: list[str]
    resources: dict[str, list[str]]
    display_name: str | None
    enabled: bool
    has_token: bool
    expires_at: float | None = None
    key_expires_at: dict[str, float] = {}
    notes: str = ""


class Presence(Model, frozen=True, kw_only=True):
    """Whether a peer is connected, and when it was last (ISO 8601)."""

    peer_id: str
    connected: int
    protocols: list[str]
    last_seen: str | None
    last_address: str | None
    last_protocol: str | None


class ApiKey(Model, frozen=True, kw_only=True):
    """An API key by its public prefix; `key` is there when it was just made. `expires_at` is in unix seconds."""

    prefix: str
    description: str
    scopes: list[str]
    expires_at: int | None
    key: str | None = None
    told_once: ClassVar[tuple[str, ...]] = ("key",)

    def __repr__(self) -> str:
        return f"ApiKey({self.prefix!r})"


class ApiToken(Model, frozen=True, kw_only=True):
    """A token of this API by its public id; `token` is there when it was just made. Times are ISO 8601, in UTC.

    `expires_at` is in unix seconds.
    """

    id: str
    name: str
    rights: list[str]
    owner: str
    created_at: str
    created_by: str
    expires_at: int | None
    networks: list[str]
    last_used_at: str | None
    last_address: str | None
    token: str | None = None
    told_once: ClassVar[tuple[str, ...]] = ("token",)

    def __repr__(self) -> str:
        return f"ApiToken({self.id!r})"


class Credential(Model, frozen=True, kw_only=True):
    """What is known of a credential; its content is told to nobody."""

    provider: str
    key_version: int
    changed_at: str
    changed_by: str


class User(Model, frozen=True, kw_only=True):
    """Somebody who may sign in to the panel."""

    username: str
    role: str | None
    enabled: bool
    last_login: str | None


class Grant(Model, frozen=True, kw_only=True):
    """What a peer has for a while; `expires_at` in unix seconds, `holds` whether it is in force."""

    id: str
    peer_id: str
    scopes: list[str]
    resource_type: str
    resource: str
    expires_at: float
    reason: str
    created_at: str
    created_by: str
    sentence: str
    holds: bool


class ForwardingRule(Model, frozen=True, kw_only=True):
    """What peers may reach through the node, or where they may listen on it; an empty list asks nothing."""

    id: str
    position: int
    action: str
    target: str
    principals: list[str]
    transports: list[str]
    directions: list[str]
    note: str
    changed_at: str
    changed_by: str
    sentence: str
    unknown: list[str] | None = None
    told_once: ClassVar[tuple[str, ...]] = ("unknown",)


class Lock(Model, frozen=True, kw_only=True):
    """A lock; `expires_at` is in unix seconds, None until it is lifted."""

    id: str
    target_kind: str
    target: str
    reason: str
    message: str
    created_at: str
    created_by: str
    expires_at: float | None
    holds: bool


class Invite(Model, frozen=True, kw_only=True):
    """An invitation; `code`, and the node's `address` in it, are there when it was just made."""

    id: str
    note: str
    peer_id: str | None
    scopes: list[str]
    resources: dict[str, list[str]]
    uses: int
    uses_left: int
    expires_at: float
    needs_approval: bool
    peer_expires_at: float | None = None
    peer_seconds: float | None = None
    state: str
    created_at: str
    created_by: str
    code: str | None = None
    address: str | None = None
    told_once: ClassVar[tuple[str, ...]] = ("code", "address")

    def __repr__(self) -> str:
        return f"Invite({self.id!r})"


class Claim(Model, frozen=True, kw_only=True):
    """A machine that came with a code; `sas` are the digits that it shows. Times are in unix seconds."""

    id: str
    invite_id: str
    fingerprint: str
    name: str | None
    sas: str
    asked: int
    address: str
    at: float
    state: str
    why: str
    peer_id: str | None
    decided_at: float | None
    decided_by: str


class Assertion(Model, frozen=True, kw_only=True):
    """What must go on being so; `holds` says whether it does."""

    id: str
    who: str
    allowed: bool
    scopes: list[str]
    resource_type: str
    resource: str
    reason: str
    created_at: str
    created_by: str
    sentence: str
    holds: bool


class Event(Model, frozen=True, kw_only=True):
    """Something that happened to a connection, or to the node."""

    id: int
    at: str
    kind: str
    peer_id: str | None
    fingerprint: str | None
    alpn: str | None
    address: str | None
    connection: int | None
    boot: str
    reason: str
    detail: dict[str, Any]


class Change(Model, frozen=True, kw_only=True):
    """One row of the audit log."""

    number: int
    at: str
    actor_kind: str
    actor_name: str
    action: str
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str
    hash: str


class Difference(Model, frozen=True, kw_only=True):
    """A field of a peer before and after, and the same in words."""

    field: str
    before: Any
    after: Any
    words: str


class ImportStep(Model, frozen=True, kw_only=True):
    """What happens to one peer: `action` is added, changed or removed."""

    peer_id: str
    action: str
    place: str
    differences: list[Difference]


class Closing(Model, frozen=True, kw_only=True):
    """A connection that would close; `at` in unix seconds, None is at once."""

    boot: str
    connection: int
    peer_id: str
    alpn: str
    address: str
    reason: str
    at: float | None


class GrantGoing(Model, frozen=True, kw_only=True):
    """A grant that would go."""

    id: str
    peer_id: str
    words: str


class ImportImpact(Model, frozen=True, kw_only=True):
    """What an import would close and take along, the first of it one by one; not `known` while the node is down."""

    known: bool
    closes: int
    closing: list[Closing]
    grants_go: int
    grants: list[GrantGoing]
    rules_go: int = 0
    rules: list[GrantGoing] = []


class ImportOutcome(Model, frozen=True, kw_only=True):
    """What an import did, or would do."""

    done: bool
    added: int
    changed: int
    unchanged: int
    removed: int
    steps: list[ImportStep]
    more: int
    impact: ImportImpact | None = None
