"""What can be done to many peers. Other apps add to it: what holds peers back knows them, and not the other way."""

from collections.abc import Sequence

from django import forms

from apps.peers import services
from apps.peers.bulk import SHOWN, BulkAct
from apps.peers.closings import closings_of_disabling, closings_of_removing
from apps.peers.form_fields import ScopesField
from apps.peers.hanging import Hanging, hanging_on
from apps.peers.terms import PeerState


class ManyScopesForm(forms.Form):
    scopes = ScopesField(rows=3, help_text="One on a line, or with commas between.")

    def clean_scopes(self) -> list[str]:
        scopes: list[str] = self.cleaned_data["scopes"]
        if not scopes:
            raise forms.ValidationError("Which scopes?")
        return scopes


def _scopes(form: forms.Form) -> Sequence[str]:
    scopes: list[str] = form.cleaned_data["scopes"]
    return scopes


def _going(states: Sequence[PeerState], _: object) -> Sequence[Hanging]:
    return hanging_on(state.peer_id for state in states)


def _giving_on(states: Sequence[PeerState], form: forms.Form) -> Sequence[Hanging]:
    """What gives one of the scopes all the same."""
    wanted = set(_scopes(form))
    return [one for one in _going(states, form) if one.gives is not None and not wanted.isdisjoint(one.gives.scopes)]


ENABLE = BulkAct(
    name="enable_peers",
    title="Enable",
    button="Enable",
    done="Enabled",
    effect="They may connect again as soon as this is saved.",
    same="enabled already",
    permission="change",
    changing=lambda entries, _: [entry.peer_id for entry in entries if not entry.enabled],
    run=lambda actor, names, _, tell: services.set_peers_enabled(actor=actor, peer_ids=names, enabled=True, tell=tell),
)
DISABLE = BulkAct(
    name="disable_peers",
    title="Disable",
    button="Disable",
    done="Disabled",
    effect="Their connections close at once, and new ones are refused. Their entries stay.",
    same="disabled already",
    permission="change",
    changing=lambda entries, _: [entry.peer_id for entry in entries if entry.enabled],
    run=lambda actor, names, _, tell: services.set_peers_enabled(actor=actor, peer_ids=names, enabled=False, tell=tell),
    closings=lambda states, _: closings_of_disabling(states, limit=SHOWN),
    danger=True,
)
ADD_SCOPES = BulkAct(
    name="add_scopes",
    title="Add scopes to",
    button="Add scopes",
    done="Added scopes to",
    effect="Open connections stay; the next request on each is decided by the new scopes.",
    same="with these scopes already",
    permission="change",
    changing=lambda entries, form: [
        entry.peer_id for entry in entries if services.with_scopes(entry, add=_scopes(form)).scopes != entry.scopes
    ],
    run=lambda actor, names, form, tell: services.change_scopes(
        actor=actor, peer_ids=names, add=_scopes(form), tell=tell
    ),
    form=ManyScopesForm,
    by_form=True,
)
REMOVE_SCOPES = BulkAct(
    name="remove_scopes",
    title="Remove scopes from",
    button="Remove scopes",
    done="Removed scopes from",
    effect="Open connections stay; the next request on each is decided by the scopes that are left.",
    same="without these scopes already",
    permission="change",
    changing=lambda entries, form: [
        entry.peer_id for entry in entries if not set(_scopes(form)).isdisjoint(entry.scopes)
    ],
    run=lambda actor, names, form, tell: services.change_scopes(
        actor=actor, peer_ids=names, remove=_scopes(form), tell=tell
    ),
    hanging=_giving_on,
    hanging_words="stay, and give such a scope all the same",
    form=ManyScopesForm,
    by_form=True,
)
DELETE = BulkAct(
    name="delete_selected",
    title="Delete",
    button="Delete",
    done="Deleted",
    effect="Their connections close at once, and their keys and tokens open nothing any more. What is deleted "
    "cannot be brought back; disabling does the same and keeps the entries.",
    same="",
    permission="delete",
    changing=lambda entries, _: [entry.peer_id for entry in entries],
    run=lambda actor, names, _, tell: services.remove_peers(actor=actor, peer_ids=names, tell=tell),
    closings=lambda states, _: closings_of_removing(states, limit=SHOWN),
    hanging=_going,
    hanging_words="go with them",
    danger=True,
)
