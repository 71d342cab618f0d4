"""Values that change while they are in use, such as limits out of the settings file (decision 26)."""

from typing import Generic, TypeVar, cast

T = TypeVar("T")

RESTART = "needs a restart"
"""Marks a setting, as in `Annotated[int, RESTART]`, that a running process does not follow. All others it does."""


class Live(Generic[T]):
    """Holds one immutable value, replaced as a whole. Whoever decides by it reads `value` anew each time.

    Who must not see it change on the way keeps the value that it began with.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


def live(value: T | Live[T]) -> Live[T]:
    """The holder itself, or one of its own for a value that nobody will change."""
    return cast("Live[T]", value) if isinstance(value, Live) else Live(value)
