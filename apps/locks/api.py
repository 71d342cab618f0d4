"""REST: what is held back for a while. A lock is placed and lifted, never changed."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.locks import selectors, services
from apps.locks.errors import Absent
from apps.locks.json_forms import lock_json
from apps.locks.selectors import LockFacts
from apps.rest.answers import Answer, Body
from apps.rest.auth import caller_of, requires
from apps.rest.idempotency import idempotent
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems
from node.core.locks import MAX_MESSAGE, MAX_REASON, LockKind
from node.core.peers import MAX_EXPIRY

router = Router(tags=["Locks"])
_READ, _WRITE = requires(Right.LOCKS_READ), requires(Right.LOCKS_WRITE)
_KIND = "locks"
MAX_TARGET = 255


class LockIn(Body):
    """A new lock."""

    target_kind: Annotated[LockKind, Field(strict=False)]
    target: Annotated[str, Field(max_length=MAX_TARGET)] = Field(
        "", description="A peer's name or a key's prefix, a scope, a protocol, a provider; empty for everything."
    )
    reason: Annotated[str, Field(max_length=MAX_REASON)] = Field("", description="For administrators.")
    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = Field("", description="For the side that is refused.")
    expires_at: Annotated[float, Field(gt=0, le=MAX_EXPIRY)] | None = Field(
        None, description="In unix seconds; null holds until it is lifted."
    )


class LockOut(BaseModel):
    """A lock."""

    id: str
    target_kind: LockKind
    target: str
    reason: str
    message: str
    created_at: str
    created_by: str
    expires_at: float | None = Field(description="In unix seconds; null holds until it is lifted.")
    holds: bool = Field(description="Whether it holds at this moment.")


class Removed(BaseModel):
    """How many went."""

    removed: int


@router.get("", auth=_READ, response=Page[LockOut], summary="List locks")
def list_locks(
    request: HttpRequest,
    *,
    target_kind: LockKind | None = None,
    target: Annotated[str | None, Query(max_length=MAX_TARGET)] = None,
    holds: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[LockOut]:
    """Locks, the newest first, also those that have come to their end."""
    after = text_place(_KIND, cursor)
    found = selectors.page_of_locks(kind=target_kind, target=target, holds=holds, after=after, limit=limit + 1)
    locks, following = page_of(found, limit=limit, kind=_KIND, key=selectors.place_of)
    return Page(items=[LockOut(**lock_json(lock)) for lock in locks], next=following)


@router.get("/{name:lock_id}", auth=_READ, response={200: LockOut, **problems(404)}, summary="Read a lock")
def get_lock(request: HttpRequest, lock_id: str) -> Answer:
    """One lock, by its whole id."""
    return Answer(LockOut(**lock_json(_found(lock_id))))


@router.post("", auth=_WRITE, response={201: LockOut}, summary="Place a lock")
@idempotent
def create_lock(request: HttpRequest, body: LockIn) -> Answer:
    """It holds from now on, and closes what it holds."""
    placed = services.lock(actor=caller_of(request).actor, **body.model_dump())
    return Answer(LockOut(**lock_json(placed)), 201)


@router.delete("/{name:lock_id}", auth=_WRITE, response={204: None, **problems(404)}, summary="Lift a lock")
def delete_lock(request: HttpRequest, lock_id: str) -> Answer:
    """Or remove one that holds no longer."""
    services.unlock(actor=caller_of(request).actor, lock_id=_found(lock_id).lock_id)
    return Answer(status=204)


@router.delete("", auth=_WRITE, response=Removed, summary="Remove ended locks")
def delete_ended_locks(request: HttpRequest, which: Literal["ended"]) -> Answer:
    """Every lock that has come to its end; `which` says so, that nobody takes this for all of them."""
    return Answer(Removed(removed=services.remove_expired(actor=caller_of(request).actor)))


def _found(lock_id: str) -> LockFacts:
    """A beginning of an id is for people at a keyboard; a program knows the whole. Raises Absent."""
    lock = selectors.find_lock(lock_id)
    if lock.lock_id != lock_id:
        raise Absent(lock_id)
    return lock
