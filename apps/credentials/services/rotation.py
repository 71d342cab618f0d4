"""Sealing stored credentials anew under a newer version of the key, one after another.

Each is a step of its own: read, sealed anew by the node, stored by compare-and-swap, committed. Every row tells its own
version and old versions of the key stay, so that a rotation can stop anywhere: all that was stored opens, and the same
call again goes on where the last one ended.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from apps.absent import all_of
from apps.audit.actors import Actor
from apps.credentials import selectors
from apps.credentials.errors import Absent, NodeUnavailable, NotSealed
from apps.credentials.sealing import DAMAGED, Sealer, sealer
from apps.credentials.services.rows import swap_credential
from node.core.credentials import InvalidCredential

NEWEST_POSSIBLE = 2**31 + 1
"""The key of version v has index v - 2, which stays below 2**31 (spec vault §3)."""
_TRIES = 8
"""How often a credential that others keep replacing is read again."""


class Outcome(StrEnum):
    """What became of one credential."""

    ROTATED = "rotated"
    THERE = "there already"
    """Under this version or a newer one; also where it was replaced meanwhile."""
    GONE = "removed meanwhile"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which credentials are to be sealed under which version; those that are there already are not among them."""

    to: int
    providers: tuple[str, ...]
    there: int
    """How many of those asked for are under this version already."""


@dataclass(frozen=True, slots=True)
class Step:
    """One credential is done with. `reason` is a sentence where it failed."""

    provider: str
    outcome: Outcome
    reason: str = ""


def plan_rotation(*, providers: Iterable[str] | None = None, to: int | None = None) -> Plan:
    """What a rotation of these, or of all, would do.

    Without `to`: the newest version in use where versions differ, so that a rotation that was cut off comes to its end;
    else the next one. Raises InvalidCredential where one is under a newer version than `to`, and Absent.
    """
    versions = selectors.key_versions()
    wanted = versions if providers is None else all_of(providers, lambda _: versions, Absent)
    target = _target(versions) if to is None else _checked(to, wanted)
    left = tuple(name for name, version in wanted.items() if version < target)
    return Plan(target, left, len(wanted) - len(left))


def rotate_credentials(*, actor: Actor, plan: Plan) -> Iterator[Step]:
    """Work through a plan; a step is committed when it is yielded.

    One that cannot be opened has failed and stays as it is. Raises NodeUnavailable where the node or its vault goes
    away meanwhile: what was yielded is done, the rest is as it was.
    """
    if not plan.providers:
        return
    with sealer() as node:
        for provider in plan.providers:
            yield _step(actor, node, provider, plan.to)


def _step(actor: Actor, node: Sealer, provider: str, to: int) -> Step:
    try:
        return Step(provider, _rotate(actor, node, provider, to))
    except NodeUnavailable:
        raise
    except NotSealed as error:
        return Step(provider, Outcome.FAILED, str(error))
    except InvalidCredential:
        return Step(provider, Outcome.FAILED, DAMAGED)


def _rotate(actor: Actor, node: Sealer, provider: str, to: int) -> Outcome:
    for _ in range(_TRIES):
        old = selectors.find_blob(provider)
        if old is None:
            return Outcome.GONE
        if old.key_version >= to:
            return Outcome.THERE
        if swap_credential(actor=actor, provider=provider, old=old, new=node.reseal(old, to)):
            return Outcome.ROTATED
    raise NotSealed("It was replaced again and again meanwhile.")


def _target(versions: dict[str, int]) -> int:
    """Without any credential, the version that the first one gets."""
    used = set(versions.values())
    newest = max(used, default=selectors.FIRST_KEY_VERSION)
    return newest if len(used) != 1 else max(newest + 1, selectors.FIRST_KEY_VERSION)


def _checked(to: int, versions: dict[str, int]) -> int:
    if not selectors.FIRST_KEY_VERSION <= to <= NEWEST_POSSIBLE:
        raise InvalidCredential({"to": [f"A version is from {selectors.FIRST_KEY_VERSION} to {NEWEST_POSSIBLE}."]})
    for name, version in versions.items():
        if version > to:
            raise InvalidCredential({"to": [f"“{name}” is under version {version} already, which is newer than {to}."]})
    return to
