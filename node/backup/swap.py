"""Puts a restored state in the place of the present one, wholly or not at all.

A data directory may be a mount point, and holds files that are no part of a backup, so it is not the directory that is
exchanged. What is to come is staged in DIR/.restore, made durable, and becomes DIR/.restoring by one rename: that is
the decision. Killed before it, the old state is untouched; after it, `finish` ends the work, at the next start of
whatever comes first (node.data_lock). What is replaced is kept in DIR/replaced.
"""

import contextlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.backup import names
from node.backup.errors import BackupError
from node.private_file import private_directory, replace_private, sync_directory, sync_file

STAGE = ".restore"
DECIDED = ".restoring"
REPLACED = "replaced"
KEPT = 3
"""States that restores have put aside, and that stay; older ones go when another comes."""
NOTE = "restored.json"
"""A file that comes with each restore, and tells of it (DataPaths.restored)."""
_ASIDE = re.compile(r"\d{8}T\d{6}Z-\d+")
"""A name that a restore gives (aside_name): by its time, so the oldest come first."""
_PLAN = "plan.json"
_NEW = "new"


@dataclass(frozen=True, slots=True)
class Plan:
    """`brings`: names that come out of the stage. `takes`: names that go. `aside`: the directory they go to."""

    brings: tuple[str, ...]
    takes: tuple[str, ...]
    aside: str


def aside_name() -> str:
    """For what is put aside by this process now."""
    return time.strftime(f"%Y%m%dT%H%M%SZ-{os.getpid()}", time.gmtime())


def new_stage(data: Path) -> Path:
    """An empty directory for what is to come; one that was left by a killed restore is cleared. Raises OSError."""
    for left in (STAGE, DECIDED):  # a decided one has no plan any more: all of it was done
        shutil.rmtree(data / left, ignore_errors=True)
    stage = data / STAGE / _NEW
    private_directory(stage / "secrets")
    return stage


def drop_stage(data: Path) -> None:
    """Take away what was staged: nothing has happened."""
    shutil.rmtree(data / STAGE, ignore_errors=True)


def decide(data: Path, plan: Plan) -> None:
    """Make what is staged durable, then the decision; `finish` is next. Raises OSError before it, nothing done."""
    stage = data / STAGE
    values = {"brings": plan.brings, "takes": plan.takes, "aside": plan.aside}
    replace_private(stage / _PLAN, json.dumps(values).encode())
    _own(data, stage)
    for name in plan.brings:
        sync_file(stage / _NEW / name)
    for directory in (stage / _NEW / "secrets", stage / _NEW, stage):
        sync_directory(directory)
    stage.rename(data / DECIDED)
    sync_directory(data)


def is_pending(data: Path) -> bool:
    """Whether a restore was decided and not ended."""
    return os.path.lexists(data / DECIDED / _PLAN)


def finish(data: Path) -> None:
    """Do what was decided, from wherever it was cut off. The caller has the directory alone. Raises BackupError."""
    decided = data / DECIDED
    try:
        plan = _read_plan(decided / _PLAN)
        _set_aside(data, plan)
        _bring(data, plan)
        (decided / _PLAN).unlink()
        sync_directory(decided)
    except OSError as error:
        raise BackupError(f"a restore of {data} cannot be ended: {error}") from None
    shutil.rmtree(decided, ignore_errors=True)
    with contextlib.suppress(OSError):  # the work is done, and the next restore does this as well
        _forget_older(data, plan.aside)


def _forget_older(data: Path, newest: str) -> None:
    """Each goes away whole at once, by a rename to where nobody looks for a state. Raises OSError."""
    others = sorted(name for name in _names(data / REPLACED) if _ASIDE.fullmatch(name) and name != newest)
    for name in others[: -(KEPT - 1)]:
        private_directory(data / STAGE)
        (data / REPLACED / name).rename(data / STAGE / name)
    drop_stage(data)


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()] if directory.is_dir() else []


def _set_aside(data: Path, plan: Plan) -> None:
    """Every old file goes before the first new one comes: never does a file meet what is left of another's log."""
    aside = data / REPLACED / plan.aside
    for name in plan.takes:
        came = name in plan.brings and not os.path.lexists(data / DECIDED / _NEW / name)
        if not came and os.path.lexists(data / name):
            private_directory((aside / name).parent)
            (data / name).rename(aside / name)
    for directory in (aside / "secrets", aside, aside.parent):
        if directory.is_dir():
            sync_directory(directory)
            _own(data, directory)
    _sync(data)


def _bring(data: Path, plan: Plan) -> None:
    private_directory(data / "secrets")
    for name in plan.brings:
        new = data / DECIDED / _NEW / name
        if os.path.lexists(new):
            new.rename(data / name)
    _own(data, data / "secrets")
    _sync(data)


def _sync(data: Path) -> None:
    for directory in (data / "secrets", data):
        if directory.is_dir():
            sync_directory(directory)


def _own(data: Path, top: Path) -> None:
    """What root restores belongs to whom the directory belongs to: the service could not read it otherwise."""
    if os.geteuid() != 0:
        return
    owner = data.stat()
    for path in (top, *top.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _read_plan(path: Path) -> Plan:
    """It was written by us into a private directory; a damaged one is still refused. Raises BackupError."""
    try:
        values: Any = json.loads(path.read_bytes())
        brings, takes, aside = values["brings"], values["takes"], values["aside"]
        known = {one for name in names.ALL for one in names.with_companions(name)} | {NOTE}
        if not known.issuperset([*brings, *takes]) or not isinstance(aside, str) or "/" in aside or aside in ("", ".."):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BackupError(f"{path} is damaged: a restore cannot be ended; restore again after moving it away") from None
    return Plan(tuple(brings), tuple(takes), aside)
