"""Invitations, claims and unknown keys as REST has them: what is sent, and what is answered."""

from typing import Annotated

from pydantic import BaseModel, Field

from apps.enrolment import services
from apps.enrolment.selectors import InviteState
from apps.peers.api_models import Name, Resources, Scopes
from apps.rest.answers import Body
from node.core.enrolment.index import ClaimState
from node.core.peers import MAX_EXPIRY

_SAS = r"^[0-9]{3} [0-9]{3} [0-9]{3}$"


class InviteIn(Body):
    """A new invitation."""

    peer_id: Annotated[str, Field(max_length=255)] = Field(
        "", description="What the peer will be called; empty leaves it to the machine to propose a name."
    )
    scopes: Scopes = []
    resources: Resources = {}
    seconds: Annotated[float, Field(ge=services.SHORTEST, le=services.LONGEST)] = Field(
        float(services.USUAL), description="How long the code is good."
    )
    uses: Annotated[int, Field(ge=1, le=services.MAX_USES)] = 1
    needs_approval: Annotated[
        bool, Field(description="False lets the machines in at once; it takes peers:write besides.")
    ] = True
    peer_expires_at: Annotated[float, Field(ge=0, le=MAX_EXPIRY)] | None = Field(
        None, description="When the peers that come of it end, in unix seconds; after the code itself."
    )
    peer_seconds: Annotated[float, Field(ge=services.SHORTEST, le=services.LONGEST_PEER)] | None = Field(
        None, description="So long each of them holds from its admission on; this or a moment, not both."
    )
    note: Annotated[str, Field(max_length=255)] = ""
    address: Annotated[str, Field(max_length=300)] = Field(
        "", description="HOST:PORT at which the machine reaches the node; empty for the usual one."
    )


class InviteOut(BaseModel):
    """An invitation, without its code."""

    id: str
    note: str
    peer_id: str | None
    scopes: list[str]
    resources: dict[str, list[str]]
    uses: int
    uses_left: int
    expires_at: float = Field(description="In unix seconds.")
    needs_approval: bool
    peer_expires_at: float | None = Field(description="When its peers end, in unix seconds.")
    peer_seconds: float | None = Field(description="So long each of its peers holds from its admission on.")
    state: InviteState
    created_at: str
    created_by: str


class NewInviteOut(InviteOut):
    """An invitation that was just made, with its code, told this once."""

    code: str
    address: str = Field(description="HOST:PORT of the node, as it stands in the code.")


class Approval(Body):
    """What lets a machine in."""

    sas: Annotated[str, Field(pattern=_SAS)] = Field(description="The nine digits that were compared.")
    peer_id: Name | None = Field(None, description="Another name than the invitation's, or the proposed one.")
    scopes: Scopes | None = Field(None, description="Null for those of the invitation.")
    resources: Resources | None = Field(None, description="Null for those of the invitation.")


class ClaimOut(BaseModel):
    """A key that came with a code."""

    id: str
    invite_id: str
    fingerprint: str
    name: str | None = Field(description="What it would like to be called.")
    sas: str = Field(description="The nine digits to compare with those that the machine shows.")
    asked: int = Field(description="How often it was made. The digits are those of the last time.")
    address: str
    at: float = Field(description="When it was made last, in unix seconds.")
    state: ClaimState
    why: str
    peer_id: str | None = Field(description="The peer that it became.")
    decided_at: float | None
    decided_by: str


class Admission(Body):
    """What makes a peer of an unknown key."""

    peer_id: Name
    scopes: Scopes = []
    resources: Resources = {}


class Dismissal(Body):
    """How long a key is to be out of sight."""

    seconds: Annotated[float, Field(gt=0, le=3_153_600_000)] | None = Field(None, description="Null for good.")


class StrangerOut(BaseModel):
    """A key that came without being a peer's. Times are in unix seconds."""

    fingerprint: str
    first_seen: float
    last_seen: float
    count: int
    address: str
    alpn: str
    how: str = Field(description="Why it was refused the last time; empty where it was let in as nobody.")
