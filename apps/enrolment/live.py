"""Tells open pages of the panel that a claim came in (apps.activity.live)."""

from dataclasses import dataclass

from apps.activity import live
from apps.enrolment.models import Claim

KIND = "claim"


@dataclass(frozen=True, slots=True)
class _Notice:
    id: int
    kind: str


def tell(_claim: Claim) -> None:
    live.publish([_Notice(0, KIND)])
