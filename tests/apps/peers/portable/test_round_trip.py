"""What is exported and imported again is the same, whatever it is."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.peers import selectors, services
from apps.peers.portable import csv_form
from apps.peers.portable.formats import Format, read, write
from apps.peers.portable.plan import make_plan
from node.core.peers import CONTROL, PeerEntry
from tests.support.panel import ALICE, audit, fingerprint, rows, token_hash

AddPeer = Callable[..., PeerEntry]

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12)
signs = st.sampled_from(["=", "+", "-", "@", "'=", "''@", "＝", "'", '"', "#", "\\", "a;b", "a,b", "[[peers]]", "1"])
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


def unshared(found: list[PeerEntry]) -> bool:
    keys = [name for entry in found for name in entry.fingerprints]
    return len(set(keys)) == len(keys)


peers = st.lists(entries, min_size=1, max_size=4, unique_by=lambda entry: entry.peer_id).filter(unshared)


@pytest.mark.parametrize("form", [Format.TOML, Format.CSV])
@given(found=peers)
@settings(max_examples=60, deadline=None)
def test_a_file_of_any_peers_gives_the_same_peers(form: Format, found: list[PeerEntry]) -> None:
    plan = make_plan(read(form, write(form, found)), [], replace=False)
    assert [step.new for step in plan.steps] == found
    again = make_plan(read(form, write(form, found)), found, replace=True)
    assert (list(again.steps), again.unchanged) == ([], len(found))


@given(found=peers)
@settings(max_examples=40, deadline=None)
def test_authorized_keys_hold_the_keys_of_enabled_peers(found: list[PeerEntry]) -> None:
    kept = {entry.peer_id: entry.fingerprints for entry in found if entry.enabled and entry.fingerprints}
    if kept:
        plan = make_plan(read(Format.AUTHORIZED_KEYS, write(Format.AUTHORIZED_KEYS, found)), [], replace=False)
        assert {step.peer_id: step.new.fingerprints for step in plan.steps if step.new} == kept


@given(cell=st.text(max_size=8) | signs)
@example(cell="'=1")
@example(cell="\t=1")
def test_a_guarded_cell_is_no_formula_and_comes_back(cell: str) -> None:
    assert csv_form.unguarded(csv_form.guarded(cell)) == cell
    assert csv_form.guarded(cell)[:1] not in tuple("=+-@\t\r＝＋－＠")


@pytest.mark.parametrize("form", [Format.TOML, Format.CSV])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=peers)
def test_the_same_rows_are_in_the_database(db: Any, form: Format, found: list[PeerEntry]) -> None:
    services.remove_peers(actor=ALICE, peer_ids=list(rows()))
    services.import_peers(actor=ALICE, rows=read(form, write(form, found)), replace=False)
    before, log = rows(), len(audit())
    exported = write(form, selectors.list_peers())
    services.import_peers(actor=ALICE, rows=read(form, exported), replace=True)
    assert (rows(), len(audit())) == (before, log)
    services.remove_peers(actor=ALICE, peer_ids=list(before))
    services.import_peers(actor=ALICE, rows=read(form, exported), replace=False)
    assert rows() == before


def test_tokens_stay_and_are_in_no_file(add_peer: AddPeer) -> None:
    add_peer("laptop", auth_token_hash=token_hash(1))
    for form in Format:
        exported = write(form, selectors.list_peers())
        assert token_hash(1)[8:].encode() not in exported
        services.import_peers(actor=ALICE, rows=read(form, exported), replace=True)
    assert rows()["laptop"]["auth_token_hash"] == token_hash(1)
