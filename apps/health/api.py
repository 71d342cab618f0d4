"""REST: how the appliance is, and how much there is to see."""

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.activity import selectors as activity
from apps.health.selectors import health_report
from apps.peers import selectors as peers
from apps.rest.answers import Answer
from apps.rest.auth import requires
from node.core.health import failing

router = Router(tags=["Status"])


class CheckOut(BaseModel):
    """One thing that has to be so."""

    name: str
    ok: bool
    text: str
    mend: str = Field(description="What a person can do; empty where all is well.")


class StatusOut(BaseModel):
    """The appliance at this moment."""

    ready: bool
    checks: list[CheckOut]
    peers_enabled: int
    peers_disabled: int
    peers_connected: int
    api_keys: int


@router.get("", auth=requires(Right.STATUS_READ), response=StatusOut, summary="Read the status")
def get_status(request: HttpRequest) -> Answer:
    """Every check of its health, a second old at most, and how much there is. 200 also where something is wrong."""
    checks, counts = health_report(), peers.counts()
    shown = [CheckOut(name=check.name, ok=check.ok, text=check.text, mend=check.mend) for check in checks]
    return Answer(
        StatusOut(
            ready=not failing(checks),
            checks=shown,
            peers_enabled=counts.peers_enabled,
            peers_disabled=counts.peers_disabled,
            peers_connected=activity.connected_peers(),
            api_keys=counts.api_keys,
        )
    )
