"""Where in an input the id of a resource stands: `$.a`, `$.a.b`, `$.a/b` and `$/a/b` (spec call §12)."""

from typing import Any


def parse_pointer(path: str) -> tuple[str, ...] | None:
    """The steps from the input to the id, or None for a path that leads nowhere: no `$`, or nothing after it.

    After the `$` it is a JSON pointer (RFC 6901) in which a dot is as good as a slash.
    """
    pointer = path[1:].replace(".", "/")
    if not path.startswith("$") or not pointer.startswith("/"):
        return None
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def text_at(value: Any, steps: tuple[str, ...] | None) -> str | None:
    """The string that the steps lead to; None where they lead nowhere, or to anything else."""
    if steps is None:
        return None
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list):
            value = _element(value, step)
        else:
            return None
    return value if isinstance(value, str) else None


def _element(values: list[Any], step: str) -> Any:
    """An index is digits without a leading zero."""
    if not (step.isascii() and step.isdigit()) or (step[0] == "0" and step != "0") or len(step) > 9:
        return None
    index = int(step)
    return values[index] if index < len(values) else None
