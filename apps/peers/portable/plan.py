"""What an import would do: the rows of a file beside the peers that there are. Pure."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from apps.peers.drafts import draft_of
from apps.peers.portable.rows import FIELDS, Faults, Row
from apps.peers.terms import NO_TERMS, PeerState, state_from
from node.core.peers import InvalidPeer, PeerEntry

_SHOWN = tuple(name for name in FIELDS if name != "peer_id")


@dataclass(frozen=True)
class Step:
    """What happens to one peer: it is added where there is no `old`, removed where there is no `new`."""

    old: PeerState | None
    new: PeerState | None
    place: str = ""
    """Where the file says so; nowhere of a removal."""

    @property
    def peer_id(self) -> str:
        state = self.new or self.old
        return state.peer_id if state else ""

    @property
    def action(self) -> str:
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Each field that is not as it was, before and after; None where there is no peer."""
        before, after = (state.draft() if state else {} for state in (self.old, self.new))
        pairs = {name: (before.get(name), after.get(name)) for name in _SHOWN}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True)
class Plan:
    """Everything that an import would do, in the order of the file; what it removes comes last."""

    steps: Sequence[Step]
    unchanged: int
    """How many peers of the file are so already."""

    def count(self, action: str) -> int:
        """How many peers are added, changed or removed."""
        return sum(step.action == action for step in self.steps)

    @cached_property
    def digest(self) -> str:
        """64 hex digits that are others where anything else would be done."""
        digest = hashlib.sha256()
        for step in self.steps:
            pair = [state.draft() if state else None for state in (step.old, step.new)]
            digest.update(json.dumps(pair, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()


def make_plan(rows: Iterable[Row], existing: Iterable[PeerState], *, replace: bool) -> Plan:
    """The plan. What a row does not say stays as it is, and is empty in a new peer.

    With `replace`, peers that the file does not name are removed. Raises ImportRefused.
    """
    present = {state.peer_id: state for state in existing}
    faults = Faults()
    steps = _steps(rows, present, faults)
    named = {step.peer_id for step in steps}
    others = [state for name, state in present.items() if name not in named]
    _refuse_shared_keys(steps, () if replace else others, faults)
    faults.end()
    wanted = [step for step in steps if step.old != step.new]
    removals = [Step(state, None) for state in others] if replace else []
    return Plan([*wanted, *removals], len(steps) - len(wanted))


def _steps(rows: Iterable[Row], present: Mapping[str, PeerState], faults: Faults) -> list[Step]:
    """A step for each row that is a peer; the others are noted."""
    steps: list[Step] = []
    places: dict[str, str] = {}
    for row in rows:
        name = row.values.get("peer_id")
        old = present.get(name) if isinstance(name, str) else None
        try:
            draft = draft_of(old.entry) if old else {"enabled": True}
            new = state_from(draft | dict(row.values), old.terms if old else NO_TERMS)
        except InvalidPeer as error:
            faults.add_fields(row.place, error.errors)
            continue
        if new.peer_id in places:
            faults.add(row.place, f"peer_id: “{new.peer_id}” stands in {places[new.peer_id]} already.")
            continue
        places[new.peer_id] = row.place
        steps.append(Step(old, new, row.place))
    return steps


def _refuse_shared_keys(steps: Sequence[Step], others: Iterable[PeerState], faults: Faults) -> None:
    """A key names one peer only. What two peers shared before, behind our back, is not this file's fault."""
    holders = {name: (state.peer_id, "") for state in others for name in state.entry.fingerprints}
    for step in steps:
        for name in step.new.entry.fingerprints if step.new else ():
            holder, place = holders.setdefault(name, (step.peer_id, step.place))
            if holder != step.peer_id and name not in (step.old.entry.fingerprints if step.old else ()):
                where = f"stands in {place} already" if place else f"belongs to the peer “{holder}”"
                faults.add(step.place, f"keys: The key {name} {where}.")


def added(plan: Plan) -> Iterator[PeerEntry]:
    """The peers that were not there before."""
    return (step.new.entry for step in plan.steps if step.new and not step.old)
