"""Acts on many peers at once, and what each would do, told before it is done."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from apps.activity.selectors import ClosingConnections, connections_of
from apps.audit.actors import Actor
from apps.peers import selectors
from node.core.peers import PeerEntry

SHOWN = 20
"""Names, and connections, that a preview lists; of more it tells the number."""


class NothingForm(forms.Form):
    """Nothing has to be told besides."""


@dataclass(frozen=True, slots=True)
class BulkAct:
    """One act. `changing` names those of the peers that would change, `run` does it to them and counts them.

    Both are given the filled-in `form`. `closes`: every open connection of a peer ends with it.
    """

    name: str
    title: str
    """Such as “Lock”, before “5 peers”."""
    button: str
    done: str
    effect: str
    same: str
    """How those are that would not change."""
    permission: str
    """Of the list's admin."""
    changing: Callable[[Sequence[PeerEntry], Any], Iterable[str]]
    run: Callable[[Actor, Sequence[str], Any], int]
    form: type[forms.Form] = NothingForm
    closes: bool = False
    danger: bool = False
    by_form: bool = False
    """Who changes is not known before the form is filled in."""


@dataclass(frozen=True, slots=True)
class Preview:
    """`selected` peers, of which `changing` would change, and the open connections that would close with that.

    `known`: whether the form tells yet who changes. `digest` stands for who was selected: what is confirmed is what was
    shown.
    """

    selected: int
    known: bool
    changing: tuple[str, ...]
    closing: ClosingConnections
    digest: str

    @property
    def same(self) -> int:
        """So many are that way already."""
        return self.selected - len(self.changing)

    @property
    def shown(self) -> tuple[str, ...]:
        return self.changing[:SHOWN]

    @property
    def more(self) -> int:
        return len(self.changing) - len(self.shown)


def preview(act: BulkAct, names: Sequence[str], form: Any) -> Preview:
    """Raises Absent, and InvalidPeer where the act cannot be done to one of them."""
    known = not act.by_form or (form.is_bound and form.is_valid())
    changing = changing_of(act, names, form) if known else ()
    closing = connections_of(changing, limit=SHOWN) if act.closes else ClosingConnections()
    return Preview(len(names), known, changing, closing, digest(names))


def changing_of(act: BulkAct, names: Sequence[str], form: Any) -> tuple[str, ...]:
    """Those of these peers that would change, by a form that is filled in. Raises as `preview` does."""
    return tuple(act.changing(selectors.get_peers(names), form))


def digest(names: Iterable[str]) -> str:
    """Stands for these names, in any order."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
