"""What other apps hang on peers: rows that go with a peer, and rights that it has by them.

Those apps know peers, while peers know nothing of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from node.core.grants import Grant


@dataclass(frozen=True, slots=True)
class Hanging:
    """One such row that counts at this moment. `gives` is the right that it is, as the node reads it, if it is one."""

    row_id: str
    peer_id: str
    kind: str
    """Such as “Grant”."""
    words: str
    """What it is, after `kind` and, in a list of many, the name of the peer."""
    gives: Grant | None = None


Finder = Callable[[Sequence[str]], Iterable[Hanging]]
"""Of peers by their names: what hangs on them."""
_FINDERS: dict[str, Finder] = {}


def hang(name: str, finder: Finder) -> None:
    """Have these rows told. Called once, when an app is ready."""
    _FINDERS[name] = finder


def hanging_on(peer_ids: Iterable[str]) -> tuple[Hanging, ...]:
    """All that hangs on these peers."""
    names = list(peer_ids)
    return tuple(one for finder in _FINDERS.values() for one in finder(names)) if names else ()


def rights_by(rows: Iterable[Hanging], *, named: str | None = None) -> list[Grant]:
    """The rights among them; of a peer that gets the name `named`, which they follow."""
    found = (one.gives for one in rows if one.gives is not None)
    return [given if named is None else replace(given, peer_id=named) for given in found]
