"""The invitations and what became of claims, as the node holds them in memory."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from node.core.enrolment.derived import same_hash

_Row = TypeVar("_Row")


class ClaimState(StrEnum):
    QUEUED = "queued"
    """Somebody has to decide."""
    ADMITTED = "admitted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Invite:
    """One invitation, as far as the node needs it. `expires_at` is in unix seconds."""

    invite_id: str
    code_hash: str = field(repr=False)
    uses_left: int
    expires_at: float

    def usable(self, now: float) -> bool:
        return self.uses_left > 0 and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the control plane says of one claim. `peer_id` is the name under which it was admitted, else empty.

    `number` is that of the last time the claim was made of which it knows.
    """

    claim_id: str
    state: ClaimState
    peer_id: str
    number: int

    @property
    def final(self) -> bool:
        return self.state is not ClaimState.QUEUED


class EnrolmentIndex:
    """Immutable; each change gives another one."""

    def __init__(self, invites: Mapping[str, Invite] | None = None, outcomes: Mapping[str, Outcome] | None = None):
        self.invites: Mapping[str, Invite] = dict(invites or {})
        self.outcomes: Mapping[str, Outcome] = dict(outcomes or {})
        self._by_hash = {invite.code_hash: invite for invite in self.invites.values()}

    def patched(self, invites: Mapping[str, Invite | None], outcomes: Mapping[str, Outcome | None]) -> "EnrolmentIndex":
        """With these rows as they now are; None is one that is gone."""
        return EnrolmentIndex(_patched(self.invites, invites), _patched(self.outcomes, outcomes))

    def invite_of(self, code_hash: str, now: float) -> Invite | None:
        """The invitation that this code is for, unless it is used up or over.

        The dict is asked by a hash that the asker cannot steer; what it gives is compared in constant time.
        """
        found = self._by_hash.get(code_hash)
        if found is None or not same_hash(found.code_hash, code_hash) or not found.usable(now):
            return None
        return found


def _patched(old: Mapping[str, _Row], changes: Mapping[str, _Row | None]) -> dict[str, _Row]:
    rows = {**old, **{key: row for key, row in changes.items() if row is not None}}
    for key, row in changes.items():
        if row is None:
            rows.pop(key, None)
    return rows


class EnrolmentProvider:
    """Holds the index, and wakes whoever waits for the outcome of a claim. Lives on the loop."""

    def __init__(self) -> None:
        self.enrolment = EnrolmentIndex()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._taken: dict[str, int] = {}
        self._news = asyncio.Event()

    def publish_enrolment(self, index: EnrolmentIndex, changed: Collection[str] | None = None) -> None:
        """Make `index` current. `changed` are the claims that have another outcome; None where that is not known."""
        self.enrolment = index
        for claim in self._waiting.keys() if changed is None else self._waiting.keys() & set(changed):
            for event in self._waiting[claim]:
                event.set()
        self._taken |= {
            name: index.outcomes[name].number
            for name in (index.outcomes if changed is None else changed)
            if name in index.outcomes
        }
        self._news.set()

    async def taken(self) -> Mapping[str, int]:
        """Wait for claims that the control plane knows since this was last asked: each with its last number."""
        while not self._taken:
            self._news.clear()
            await self._news.wait()
        found, self._taken = self._taken, {}
        return found

    async def outcome(self, claim: str, number: int) -> Outcome:
        """Wait until the claim that was made under this number is known; it may be queued, or decided."""
        return await self._until(claim, lambda found: found.final or found.number >= number)

    async def decision(self, claim: str) -> Outcome:
        """Wait until a claim is decided."""
        return await self._until(claim, lambda found: found.final)

    async def _until(self, claim: str, enough: Callable[[Outcome], bool]) -> Outcome:
        event = asyncio.Event()
        self._waiting.setdefault(claim, set()).add(event)
        try:
            while (found := self.enrolment.outcomes.get(claim)) is None or not enough(found):
                event.clear()
                await event.wait()
            return found
        finally:
            self._waiting[claim].discard(event)
            if not self._waiting[claim]:
                del self._waiting[claim]
