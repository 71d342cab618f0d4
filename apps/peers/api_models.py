"""Peers and API keys as REST has them: what is sent, and what is answered."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from apps.peers.services.terms import MAX_OVERLAP
from apps.peers.terms import MAX_NOTES
from apps.rest.answers import Body
from node.core.peers import (
    MAX_DISPLAY_NAME,
    MAX_EXPIRY,
    MAX_FINGERPRINTS,
    MAX_NAME,
    MAX_RESOURCE_KINDS,
    MAX_RESOURCE_LENGTH,
    MAX_RESOURCES_PER_KIND,
    MAX_SCOPE_LENGTH,
    MAX_SCOPES,
)

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Keys = Annotated[
    list[Annotated[str, Field(max_length=65_536)]],
    Field(
        max_length=MAX_FINGERPRINTS,
        description="Each an ssh-ed25519 line, a PEM public key or certificate, or a fingerprint.",
    ),
]
Scopes = Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_SCOPE_LENGTH)]], Field(max_length=MAX_SCOPES)]
_Resource = Annotated[str, Field(min_length=1, max_length=MAX_RESOURCE_LENGTH)]
Resources = Annotated[
    dict[_Resource, Annotated[list[_Resource], Field(max_length=MAX_RESOURCES_PER_KIND)]],
    Field(max_length=MAX_RESOURCE_KINDS, description='Such as {"repo": ["web", "docs"]}.'),
]
DisplayName = Annotated[str | None, Field(max_length=MAX_DISPLAY_NAME)]
TokenHash = Annotated[
    str | None,
    Field(
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="Of a token made elsewhere; null takes the peer's token away, and left out it stays.",
    ),
]


_Moment = Annotated[float, Field(ge=0, le=MAX_EXPIRY)]
End = Annotated[
    _Moment | None,
    Field(description="In unix seconds; from then on it is as if it were disabled. One that has passed ends it now."),
]
KeyEnds = Annotated[
    dict[Annotated[str, Field(max_length=65_536)], _Moment | None],
    Field(
        max_length=MAX_FINGERPRINTS,
        description="Of keys that the peer has, in any spelling: when each is no key of it any more, in unix seconds.",
    ),
]
Notes = Annotated[str, Field(max_length=MAX_NOTES, description="What administrators note about it.")]


class PeerIn(Body):
    """The whole of a peer, but for its name."""

    keys: Keys = []
    scopes: Scopes = []
    resources: Resources = {}
    display_name: DisplayName = None
    enabled: bool = True
    auth_token_hash: TokenHash = None
    expires_at: End = None
    key_expires_at: KeyEnds = {}
    notes: Notes = ""


class PeerChange(Body):
    """Some fields of a peer; what is left out stays as it is."""

    peer_id: Name = Field("", description="Another name: the peer is renamed, and is the same peer.")
    keys: Keys = []
    scopes: Scopes = []
    resources: Resources = {}
    display_name: DisplayName = None
    enabled: bool = True
    auth_token_hash: TokenHash = None
    expires_at: End = None
    key_expires_at: KeyEnds = {}
    notes: Notes = ""


class Rotation(Body):
    """A new key in place of an old one; both in any spelling."""

    old: Annotated[str, Field(max_length=65_536)]
    new: Annotated[str, Field(max_length=65_536)]
    overlap_seconds: Annotated[float, Field(ge=0, le=MAX_OVERLAP)] = Field(
        86_400.0, description="So long the old key holds yet; with 0 it goes at once."
    )


class Rename(Body):
    """Another name for the same peer."""

    peer_id: Name


class Spellings(BaseModel):
    """One key in the ways that programs write it; null where there is none of that kind."""

    fingerprint: str
    openssh: str | None
    openssh_fingerprint: str | None
    pem: str | None


class PeerOut(BaseModel):
    """A peer. Never its token, nor the hash of it."""

    peer_id: str
    keys: list[str] = Field(description="Fingerprints; they can be sent back as they are.")
    spellings: list[Spellings]
    scopes: list[str]
    resources: dict[str, list[str]]
    display_name: str | None
    enabled: bool
    has_token: bool
    expires_at: float | None = Field(description="In unix seconds; null never ends. Past, it has ended.")
    key_expires_at: dict[str, float] = Field(description="Of keys that end, by fingerprint: when, in unix seconds.")
    notes: str


class IssuedToken(BaseModel):
    """A peer's token, told this once."""

    token: str


class ApiKeyIn(Body):
    """A new API key of the node's protocols."""

    description: Annotated[str, Field(max_length=MAX_DISPLAY_NAME)] = ""
    scopes: Scopes = []
    expires_at: Annotated[int, Field(ge=1, le=MAX_EXPIRY)] | None = Field(
        None, description="In unix seconds; null never expires."
    )


class ApiKeyOut(BaseModel):
    """An API key, by its public prefix."""

    prefix: str
    description: str
    scopes: list[str]
    expires_at: int | None = Field(description="In unix seconds; null never expires.")


class NewApiKeyOut(ApiKeyOut):
    """A key that was just made, with its secret, told this once."""

    key: str


def peer_model(json_form: dict[str, Any]) -> PeerOut:
    """Out of apps.peers.json_forms.peer_json."""
    values = dict(json_form)
    spellings, fingerprints = values.pop("keys"), values.pop("fingerprints")
    return PeerOut(keys=fingerprints, spellings=spellings, **values)


class ClosingOut(BaseModel):
    """A connection that would close."""

    boot: str
    connection: int
    peer_id: str
    alpn: str
    address: str
    reason: str = Field(description="What its peer would be told.")
    at: float | None = Field(description="When, in unix seconds; null is at once.")


class GrantGoing(BaseModel):
    """A grant that would go."""

    id: str
    peer_id: str
    words: str = Field(description="What it gives, and until when.")
