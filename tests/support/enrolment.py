"""Invitations and claims for tests: made by the services, as the node and people make them."""

import time
from collections.abc import Sequence
from typing import Any

from apps.enrolment import services
from apps.enrolment.models import Claim
from node.core.enrolment import claim as inbox
from node.core.enrolment.code import InviteCode
from node.core.enrolment.derived import claim_id, code_hash
from tests.support.panel import ALICE

NODE = f"ed25519:{7:064x}"
INBOX = "inbox-of-tests"


def key(number: int) -> str:
    return f"ed25519:{number:064x}"


def invite(**wish: Any) -> services.NewInvite:
    """An invitation that admits at once, unless it is said otherwise."""
    return services.create_invite(
        actor=ALICE, **{"address": "node.example:4433", "node": NODE, "needs_approval": False} | wish
    )


def arrived(code: InviteCode, fingerprint: str, **other: Any) -> inbox.Claim:
    """A claim as the node puts it into its inbox."""
    stored = code_hash(code.secret)
    values = {"name": "", "sas": "111 222 333", "address": "192.0.2.7", "at": time.time()} | other
    return inbox.Claim(claim_id(stored, fingerprint), stored, fingerprint, **values)


def taken(number: int, code: InviteCode, fingerprint: str, **other: Any) -> Claim:
    """The claim that comes of it when the web process takes it under this number."""
    claim = services.take(INBOX, number, arrived(code, fingerprint, **other))
    assert claim is not None
    return Claim.objects.get(pk=claim.pk)


def states(claims: Sequence[Claim]) -> list[str]:
    return [claim.state for claim in claims]
