"""Acts on many peers at once, and what each would do, told before it is done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from apps.audit.actors import Actor
from apps.peers.closings import Closings
from apps.peers.digests import states_digest
from apps.peers.hanging import Hanging
from apps.peers.services.batches import Tell
from apps.peers.terms import PeerState
from node.core.peers import PeerEntry

SHOWN = 20
"""Names, and connections, that a preview lists; of more it tells the number."""


class NothingForm(forms.Form):
    """Nothing has to be told besides."""


@dataclass(frozen=True, slots=True)
class BulkAct:
    """One act. `changing` names those of the peers that would change, `run` does it to them and counts them.

    Both are given the filled-in `form`, and `run` whom to tell how far it is. `closings` tells which open connections
    of those that change end with it; the form may be empty yet.
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
    run: Callable[[Actor, Sequence[str], Any, Tell], int]
    form: type[forms.Form] = NothingForm
    closings: Callable[[Sequence[PeerState], Any], Closings] | None = None
    hanging: Callable[[Sequence[PeerState], Any], Sequence[Hanging]] | None = None
    """What other apps hang on those that change, as far as it matters; the form is filled in."""
    hanging_words: str = ""
    """What becomes of it, such as “go with them”."""
    danger: bool = False
    by_form: bool = False
    """Who changes is not known before the form is filled in."""

    @property
    def closes(self) -> bool:
        """Whether connections can end with it. Of a function a template would ask for its answer."""
        return self.closings is not None


@dataclass(frozen=True, slots=True)
class Preview:
    """`selected` peers, of which `changing` would change, and the open connections that would close with that.

    `known`: whether the form tells yet who changes. `digest` stands for the peers that were selected, as they were:
    what is confirmed is what was shown.
    """

    selected: int
    known: bool
    changing: tuple[str, ...]
    closing: Closings
    digest: str
    hanging: Sequence[Hanging] = ()

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

    @property
    def hanging_shown(self) -> Sequence[Hanging]:
        return self.hanging[:SHOWN]

    @property
    def hanging_more(self) -> int:
        return len(self.hanging) - len(self.hanging_shown)


def preview(act: BulkAct, states: Sequence[PeerState], form: Any) -> Preview:
    """Raises InvalidPeer where the act cannot be done to one of them."""
    known = not act.by_form or (form.is_bound and form.is_valid())
    changing = changing_of(act, states, form) if known else ()
    names = frozenset(changing)
    changed = [one for one in states if one.peer_id in names]
    closing = act.closings(changed, form) if act.closings else Closings()
    hanging = act.hanging(changed, form) if act.hanging and known else ()
    return Preview(len(states), known, changing, closing, states_digest(states), hanging)


def changing_of(act: BulkAct, states: Sequence[PeerState], form: Any) -> tuple[str, ...]:
    """Those of these peers that would change, by a form that is filled in. Raises as `preview` does."""
    return tuple(act.changing([state.entry for state in states], form))
