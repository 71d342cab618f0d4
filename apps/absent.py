"""Several rows that are asked for by name: all of them, or none."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

_Row = TypeVar("_Row")


def all_of(
    names: Iterable[str], look_up: Callable[[list[str]], Mapping[str, _Row]], absent: Callable[[str], Exception]
) -> dict[str, _Row]:
    """What is called so, by its name, in the order given and each once.

    `look_up` finds what there is of these names, as a table's `in_bulk` does; what else it finds is left out. Raises
    `absent` of the first name that it does not find.
    """
    wanted = list(dict.fromkeys(names))
    found = look_up(wanted)
    for name in wanted:
        if name not in found:
            raise absent(name)
    return {name: found[name] for name in wanted}
