"""What a check of readiness says: the same shape in the node, in the web process and on every page that shows it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_CHECKS = 64
"""Checks of another process that are taken over."""
MAX_TEXT = 1000
"""Characters of each text of such a check."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be so. `text` says how it is; `mend` what a person can do, and is empty where it is well.

    `name` is a word of ours and no secret. `text` and `mend` may hold paths and addresses.
    """

    name: str
    ok: bool
    text: str
    mend: str = ""


def failing(checks: Iterable[Check]) -> list[str]:
    """The names of those that are not well."""
    return [check.name for check in checks if not check.ok]


def report(checks: Iterable[Check], *, details: bool) -> dict[str, Any]:
    """What `/readyz` answers. Without details it names what fails, and says nothing else of it."""
    all_of_them = list(checks)
    names = failing(all_of_them)
    told: dict[str, Any] = {"ready": not names, "failing": names}
    return told | {"checks": [asdict(check) for check in all_of_them]} if details else told


def read_checks(told: Any) -> list[Check]:
    """The checks of another process, as its JSON has them. Raises ValueError where that is of another shape."""
    if not isinstance(told, list) or len(told) > MAX_CHECKS:
        raise ValueError("not a list of checks")
    return [_check(one) for one in told]


def _check(told: Any) -> Check:
    if not isinstance(told, Mapping):
        raise ValueError("not a check")
    name, ok, text, mend = (told.get(key) for key in ("name", "ok", "text", "mend"))
    if not (isinstance(name, str) and isinstance(ok, bool) and isinstance(text, str) and isinstance(mend, str)):
        raise ValueError("not a check")
    return Check(name[:MAX_TEXT], ok, text[:MAX_TEXT], mend[:MAX_TEXT])
