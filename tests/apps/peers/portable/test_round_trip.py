"""What is exported and imported again is the same, whatever it is."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.peers import selectors, services
from apps.peers.portable import csv_form
from apps.peers.portable.formats import Format, read, write
from apps.peers.portable.plan import make_plan
from apps.peers.terms import PeerState, PeerTerms
from node.core.peers import CONTROL, MAX_EXPIRY, PeerEntry
from tests.support.panel import ALICE, audit, fingerprint, rows, token_hash

AddPeer = Callable[..., PeerEntry]

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12)
signs = st.sampled_from(
    ["=", "+", "-", "@", "'=", "''@", "＝", "'", '"', "#", "\\", "a;b", ";=", "a,b", "[[peers]]", "1"]
)
lines = (
    st.builds("{}{}".format, signs | st.just(""), texts)
    .map(str.strip)
    .filter(lambda text: text and not CONTROL.search(text))
)
scopes = lines.map(lambda text: "".join(text.replace(",", "").split())).filter(bool)
entries = st.builds(
    PeerEntry,
    peer_id=lines,
    fingerprints=st.lists(st.integers(0, 10**6).map(fingerprint), max_size=2, unique=True).map(tuple),
    scopes=st.lists(scopes, max_size=3, unique=True).map(tuple),
    resources=st.dictionaries(lines, st.lists(lines, max_size=2).map(tuple), max_size=2),
    display_name=st.none() | lines,
    enabled=st.booleans(),
)


def unshared(found: list[PeerState]) -> bool:
    keys = [name for state in found for name in state.entry.fingerprints]
    return len(set(keys)) == len(keys)


ends = st.integers(0, MAX_EXPIRY).map(float) | st.floats(0, MAX_EXPIRY, allow_nan=False)
notes = st.lists(lines, max_size=3).map("\n".join)


@st.composite
def with_terms(draw: st.DrawFn, entry: PeerEntry) -> PeerState:
    keys = {name: draw(ends) for name in entry.fingerprints if draw(st.booleans())}
    return PeerState(entry, PeerTerms(draw(st.none() | ends), keys, draw(notes)))


states = entries.flatmap(with_terms)
peers = st.lists(states, min_size=1, max_size=4, unique_by=lambda state: state.peer_id).filter(unshared)


@pytest.mark.parametrize("form", [Format.TOML, Format.CSV])
@given(found=peers)
@settings(max_examples=60, deadline=None)
def test_a_file_of_any_peers_gives_the_same_peers(form: Format, found: list[PeerState]) -> None:
    plan = make_plan(read(form, write(form, found)), [], replace=False)
    assert [step.new for step in plan.steps] == found
    again = make_plan(read(form, write(form, found)), found, replace=True)
    assert (list(again.steps), again.unchanged) == ([], len(found))


@given(found=peers)
@settings(max_examples=40, deadline=None)
def test_authorized_keys_hold_the_keys_that_hold_for_good(found: list[PeerState]) -> None:
    kept = {}
    for state in found:
        ending = state.entry.fingerprints if state.terms.expires_at is not None else state.terms.key_expires_at
        keys = tuple(name for name in state.entry.fingerprints if name not in ending)
        if state.entry.enabled and keys:
            kept[state.peer_id] = keys
    if kept:
        plan = make_plan(read(Format.AUTHORIZED_KEYS, write(Format.AUTHORIZED_KEYS, found)), [], replace=False)
        assert {step.peer_id: step.new.entry.fingerprints for step in plan.steps if step.new} == kept


@given(cell=st.text(max_size=8) | st.text(";\"'=\n\ra", max_size=8) | signs)
@example(cell="'=1")
@example(cell="\t=1")
@example(cell='a;"=1')
@example(cell="a\n=1")
def test_a_guarded_cell_is_no_formula_and_comes_back(cell: str) -> None:
    assert csv_form.unguarded(csv_form.guarded(cell)) == cell
    assert not re.search(r"""(^|[;\r\n]"*)[=+\-@\t\r＝＋－＠]""", csv_form.guarded(cell))


@pytest.mark.parametrize("form", [Format.TOML, Format.CSV])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=peers)
def test_the_same_rows_are_in_the_database(db: Any, form: Format, found: list[PeerState]) -> None:
    services.remove_peers(actor=ALICE, peer_ids=list(rows()))
    services.import_peers(actor=ALICE, rows=read(form, write(form, found)), replace=False)
    assert selectors.get_states([state.peer_id for state in found]) == found
    before, log = rows(), len(audit())
    exported = write(form, selectors.list_states())
    services.import_peers(actor=ALICE, rows=read(form, exported), replace=True)
    assert (rows(), len(audit())) == (before, log)
    services.remove_peers(actor=ALICE, peer_ids=list(before))
    services.import_peers(actor=ALICE, rows=read(form, exported), replace=False)
    assert rows() == before
    assert selectors.get_states([state.peer_id for state in found]) == found


def test_tokens_stay_and_are_in_no_file(add_peer: AddPeer) -> None:
    add_peer("laptop", auth_token_hash=token_hash(1))
    for form in Format:
        exported = write(form, selectors.list_states())
        assert token_hash(1)[8:].encode() not in exported
        services.import_peers(actor=ALICE, rows=read(form, exported), replace=True)
    assert rows()["laptop"]["auth_token_hash"] == token_hash(1)
