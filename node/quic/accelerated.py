"""Which build of the engine a process runs: the stock one, or the private copy that `scripts/accelerate` compiled.

The copy lies beside the installed packages and never replaces them. It is used only if none but root and the user of
this process could have written it, if it is whole, was made for this aioquic, interpreter and machine, and has passed
its gate together with the code in this very directory; the stamp in it says so. Whatever is wrong with it, the stock
engine runs and the reason is told (decision 25).
"""

import hashlib
import json
import logging
import os
import platform
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from importlib import import_module, invalidate_caches
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any, Literal

import node.quic
from node.core.finding import Level
from node.quic.version import WANTED

logger = logging.getLogger(__name__)

Choice = Literal["auto", "stock"]
"""The setting: auto takes the accelerated engine where it is usable."""

STAMP = "gate.json"
"""In the tree once it has passed: {"tree": digest of its files, "code": digest of ours, and what was run}."""

_OTHERS_WRITE = 0o022

_PACKAGE = "aioquic"
_CORE = f"{_PACKAGE}.quic.connection"


class Build(StrEnum):
    """A build of the engine."""

    STOCK = "stock"
    ACCELERATED = "accelerated"


class Objection(Enum):
    """Why the accelerated engine is not used. That there is none is nobody's fault."""

    ABSENT = "no accelerated engine is built for this interpreter; scripts/accelerate builds one"
    EXPOSED = "others can write the accelerated engine; run scripts/accelerate again, as this user or as root"
    UNPROVEN = "the accelerated engine has not passed its gate; run scripts/accelerate"
    OUTDATED = "the accelerated engine passed its gate with other code than this; run scripts/accelerate again"
    DAMAGED = "the accelerated engine is not as it was built; run scripts/accelerate again"
    UNREADABLE = "the accelerated engine cannot be read by this user; run scripts/accelerate as this user or as root"

    @property
    def level(self) -> Level:
        return Level.FINE if self is Objection.ABSENT else Level.WARNING


class EngineBroken(Exception):
    """The modules of a tree cannot be imported."""


@dataclass(frozen=True, slots=True)
class Found:
    """The place of the accelerated engine, and what speaks against using it."""

    tree: Path
    objection: Objection | None


def key() -> str:
    """What a compiled copy depends on: aioquic's version, the interpreter's binary interface, the architecture."""
    return "-".join((_PACKAGE, WANTED, EXTENSION_SUFFIXES[0].split(".")[1], platform.machine()))


def place() -> Path:
    """The directory of the accelerated engine for this interpreter, whether or not it is there."""
    return Path(sys.prefix) / "alknet-engine" / key()


def find(tree: Path | None = None) -> Found:
    """Look at the tree without importing anything of it."""
    tree = tree or place()
    try:
        return Found(tree, _objection(tree))
    except OSError:
        return Found(tree, Objection.UNREADABLE)


def load(choice: Choice = "auto") -> Build:
    """Settle which engine this process runs, before anything in it has imported aioquic. Never raises."""
    if choice == "auto" and _PACKAGE not in sys.modules:
        found = find()
        if found.objection is None:
            _try(found.tree)
        elif found.objection.level is Level.WARNING:
            logger.warning(found.objection.value)
    return running()


def enter(tree: Path) -> None:
    """Import the engine out of this tree, unchecked. Raises EngineBroken; then the stock engine is there to import."""
    sys.path.insert(0, str(tree))
    invalidate_caches()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nothing comes into the tree but by its build
    try:
        found = import_module(_CORE).__file__
        if found is None or not Path(found).is_relative_to(tree):
            raise EngineBroken(f"{_CORE} was imported from elsewhere")
    except Exception as error:
        sys.path.remove(str(tree))
        for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
        raise EngineBroken(str(error)) from error
    finally:
        sys.dont_write_bytecode = writes


def running() -> Build:
    """The build that this process has imported, or imports now."""
    compiled = str(import_module(_CORE).__file__).endswith(tuple(EXTENSION_SUFFIXES))
    return Build.ACCELERATED if compiled else Build.STOCK


def digest_of_tree(tree: Path) -> str:
    """Of every file that can be imported out of the tree, names included."""
    return _digest(tree, (path for path in tree.rglob("*") if path.suffix in (".py", ".so", ".pyd")))


@cache
def digest_of_code() -> str:
    """Of `node.quic`, whole: what the gate has proven goes for exactly this code."""
    package = Path(node.quic.__path__[0])
    return _digest(package, package.rglob("*.py"))


def _try(tree: Path) -> None:
    try:
        enter(tree)
    except EngineBroken as error:
        logger.warning("the accelerated engine cannot be imported; the stock one runs", extra={"error": str(error)})


def _objection(tree: Path) -> Objection | None:
    if not tree.is_dir():
        return Objection.ABSENT
    if any(_exposed(path) for path in (tree.parent, tree, *tree.rglob("*"))):
        return Objection.EXPOSED
    stamp = _stamp(tree)
    if stamp is None:
        return Objection.UNPROVEN
    if stamp.get("code") != digest_of_code():
        return Objection.OUTDATED
    return None if stamp.get("tree") == digest_of_tree(tree) else Objection.DAMAGED


def _exposed(path: Path) -> bool:
    """Whether anyone but root and this process's user may write it, or it is a link, which leads out of what is looked
    at. Who may write a directory may replace what is in it."""
    status = path.lstat()
    kind = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return not kind or bool(status.st_mode & _OTHERS_WRITE) or status.st_uid not in (0, os.geteuid())


def _stamp(tree: Path) -> dict[str, Any] | None:
    try:
        stamp = json.loads((tree / STAMP).read_bytes())
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def _digest(root: Path, paths: Iterator[Path]) -> str:
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(f"{path.relative_to(root).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()
