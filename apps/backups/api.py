"""REST: backups are listed, begun, and held against what was noted of them. Restoring is done in a shell."""

import hashlib
import os
import threading
from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Router
from pydantic import BaseModel, Field

from apps.accounts.rights import Right
from apps.backups import selectors
from apps.backups.downloads import opened
from apps.backups.models import Backup, State, Way
from apps.backups.runner import RUNNER
from apps.rest.answers import Answer
from apps.rest.auth import caller_of, requires
from apps.rest.pagination import Cursor, Limit, Page, number_place, page_of
from apps.rest.problems import Refused, problems

router = Router(tags=["Backups"])
_READ, _WRITE = requires(Right.BACKUPS_READ), requires(Right.BACKUPS_WRITE)
_KIND = "backups"
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_checking = threading.Lock()
"""One at a time: it reads a whole file."""


class BackupOut(BaseModel):
    """A backup, from its beginning on."""

    id: int
    name: str = Field(description="Of its file.")
    state: State
    way: Way = Field(description="Who asked for it.")
    made_by: str
    started_at: datetime
    ended_at: datetime | None
    size: int = Field(description="In bytes; 0 until it is made.")
    sha256: str = Field(description="Of the whole file; empty where it is not known.")
    encrypted: bool = Field(description="Whether it is sealed.")
    error: str
    removed_at: datetime | None = Field(description="When the schedule made room.")


class CheckOut(BaseModel):
    """What a look at the file has found."""

    holds: bool = Field(description="Whether the file is byte for byte the one that was made.")
    size: int
    sha256: str


@router.get("", auth=_READ, response=Page[BackupOut], summary="List backups")
def list_backups(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> Page[BackupOut]:
    """Backups, the newest first; also those that failed, and those that went to make room."""
    found = selectors.page_of_backups(before=number_place(_KIND, cursor), limit=limit + 1)
    rows, following = page_of(found, limit=limit, kind=_KIND, key=lambda row: row.pk)
    return Page(items=[_model(row) for row in rows], next=following)


@router.get("/{backup_id}", auth=_READ, response={200: BackupOut, **problems(404)}, summary="Read a backup")
def get_backup(request: HttpRequest, backup_id: _Number) -> Answer:
    """One backup; read again, it says how far the one has come that was begun."""
    return Answer(_model(_found(backup_id)))


@router.post("", auth=_WRITE, response={202: BackupOut, **problems(409)}, summary="Make a backup")
def create_backup(request: HttpRequest) -> Answer:
    """Begin one in the background, as the settings say; 409 while another is under way."""
    return Answer(_model(RUNNER.begin(caller_of(request).actor, Way.REST)), 202)


@router.post(
    "/{backup_id}/check",
    auth=_READ,
    response={200: CheckOut, **problems(404, 409)},
    summary="Check a backup",
    openapi_extra={"x-changes-nothing": True},
)
def check_backup(request: HttpRequest, backup_id: _Number) -> Answer:
    """Whether the file is still the one that was made. What is in it is for `alknet restore --check` to look at."""
    backup = _found(backup_id)
    if not selectors.is_here(backup):
        raise Refused(404, "There is no file of this backup here.")
    if not backup.sha256:
        raise Refused(409, "It is not known what the file was when it was made.")
    if not _checking.acquire(blocking=False):
        raise Refused(409, "A check is under way.")
    try:
        with opened(backup.path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
    except OSError:
        raise Refused(404, "There is no file of this backup here.") from None
    finally:
        _checking.release()
    return Answer(CheckOut(holds=(digest, size) == (backup.sha256, backup.size), size=size, sha256=digest))


def _found(number: int) -> Backup:
    backup = selectors.find_backup(number)
    if backup is None:
        raise Refused(404, "There is no such backup.")
    return backup


def _model(row: Backup) -> BackupOut:
    names = ("name", "state", "way", "made_by", "started_at", "ended_at", "size", "sha256", "encrypted", "error")
    return BackupOut(id=row.pk, removed_at=row.removed_at, **{name: getattr(row, name) for name in names})
