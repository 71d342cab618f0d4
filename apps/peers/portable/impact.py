"""What an import would close and take along, told before it is done: by the one judgement of apps.peers.closings."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.peers.closings import Closings, closings_by
from apps.peers.hanging import Hanging, hanging_on
from apps.peers.portable.plan import Plan

SHOWN = 20
"""Connections, and rows of other apps, that are told one by one; of more the number."""


@dataclass(frozen=True, slots=True)
class PlanImpact:
    """The connections that would close, and what goes with the peers that would be removed, such as their grants."""

    closings: Closings
    hanging: Sequence[Hanging]

    @property
    def hanging_shown(self) -> Sequence[Hanging]:
        return self.hanging[:SHOWN]

    @property
    def hanging_more(self) -> int:
        return len(self.hanging) - len(self.hanging_shown)


def impact_of(plan: Plan) -> PlanImpact:
    """Of all its steps together: a key that goes from one peer to another closes what the first has open."""
    changes = [(step.old, step.new) for step in plan.steps if step.old is not None]
    gone = [step.peer_id for step in plan.steps if step.new is None]
    return PlanImpact(closings_by(changes, limit=SHOWN), hanging_on(gone))
