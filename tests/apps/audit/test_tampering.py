"""Whatever is done to the log, the panel's verification and the verifier of the documents find it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audit import rows
from apps.audit.chain import Link, Row
from apps.audit.checkpoints import bad_checkpoints
from apps.audit.faults import Fault
from apps.audit.models import Checkpoint
from apps.audit.verification import Verified, verify, verify_page
from tests.support.audit_log import (
    KEY,
    VERIFIER,
    exported,
    flipped,
    found,
    hashed_anew,
    holds_here,
    holds_offline,
    numbered,
    of,
    replace_table,
    sign,
    verified,
    write,
)
from tests.support.examples import examples

ROWS, SIGNED = 12, 8
Links = list[Link]


@pytest.fixture
def log(db: None) -> Links:
    """Twelve rows, of which a node has signed five and then eight."""
    write(5)
    sign(5)
    write(3, since=5)
    sign(8)
    write(4, since=8)
    return rows.read_links(0, 100)


def test_an_untouched_log_holds(log: Links) -> None:
    assert verified() == Verified(12, log[-1].hash, None, at_end=True)
    assert holds_here()
    lines = exported()
    assert [json.loads(line)["type"] for line in lines] == ["audit", *["row"] * 12, *["checkpoint"] * 2, "end"]
    assert holds_offline(lines)
    assert holds_offline(lines, KEY.fingerprint)
    assert not holds_offline(lines, "ed25519:" + "0" * 64)
    assert bad_checkpoints(("ed25519:" + "0" * 64,)) != []


def test_the_verifier_of_the_documents_is_short_and_on_its_own() -> None:
    text = VERIFIER.read_text()
    assert len(text.splitlines()) < 100
    assert not re.search(r"(?m)^ *(?:import|from) (?:apps|node|alknet)", text)


def test_an_empty_log_holds(db: None) -> None:
    assert verified().number == 0
    assert holds_here()
    assert holds_offline(exported())


@pytest.mark.parametrize("limit", [1, 2, 5, 11, 12, 13])
def test_pages_of_any_size_find_the_same(log: Links, limit: int) -> None:
    def end() -> Verified:
        at = Verified()
        while not at.at_end:
            at = verify_page(at, {}, limit)
        return at

    assert end() == Verified(12, log[-1].hash, None, at_end=True)
    replace_table([*log[:6], of(log[6], actor_name="mallory"), *log[7:]])
    broken = end().broken
    assert broken is not None
    assert (broken.number, broken.fault) == (7, Fault.EDITED)


def swapped(links: Links, a: int, b: int) -> Links:
    links = list(links)
    links[a], links[b] = links[b], links[a]
    return links


STRANGER = Link(Row(0, "2026-01-01 00:00:00", "cli", "mallory", "a.b", "a", "x", None, None, ""), "0" * 64)

CASES: dict[str, tuple[Callable[[Links], Links], int, Fault]] = {
    "a column": (lambda log: [*log[:6], of(log[6], action="x.y"), *log[7:]], 7, Fault.EDITED),
    "a hash": (lambda log: [*log[:6], log[6]._replace(hash="0" * 64), *log[7:]], 7, Fault.EDITED),
    "a hash in capitals": (
        lambda log: [*log[:6], log[6]._replace(hash=log[6].hash.upper()), *log[7:]],
        7,
        Fault.EDITED,
    ),
    "the last row": (lambda log: [*log[:-1], of(log[-1], action="x.y")], 12, Fault.EDITED),
    "one removed": (lambda log: [*log[:4], *log[5:]], 5, Fault.REMOVED),
    "the first removed": (lambda log: log[1:], 1, Fault.REMOVED),
    "three removed": (lambda log: [*log[:4], *log[7:]], 5, Fault.REMOVED),
    "removed, the gap closed": (lambda log: numbered([*log[:4], *log[5:]]), 5, Fault.REMOVED),
    "three removed, the gap closed": (lambda log: numbered([*log[:4], *log[7:]]), 5, Fault.REMOVED),
    "inserted": (lambda log: numbered([*log[:4], STRANGER, *log[4:]]), 5, Fault.INSERTED),
    "two inserted": (lambda log: numbered([*log[:4], STRANGER, STRANGER, *log[4:]]), 5, Fault.INSERTED),
    "inserted before the last": (lambda log: numbered([*log[:-1], STRANGER, log[-1]]), 12, Fault.INSERTED),
    "before all": (lambda log: [of(STRANGER, number=0), *log], 0, Fault.INSERTED),
    "a copy inserted": (lambda log: numbered([*log[:4], log[2], *log[4:]]), 5, Fault.INSERTED),
    "neighbours swapped": (lambda log: numbered(swapped(log, 3, 4)), 4, Fault.REORDERED),
    "the last two swapped": (lambda log: numbered(swapped(log, 10, 11)), 11, Fault.REORDERED),
    "far ones swapped": (lambda log: numbered(swapped(log, 2, 9)), 3, Fault.REORDERED),
    "one moved back": (lambda log: numbered([*log[:3], *log[4:9], log[3], *log[9:]]), 4, Fault.REORDERED),
    "one moved to the end": (lambda log: [*log[:3], *log[4:], of(log[3], number=13)], 4, Fault.REORDERED),
    "cut below a checkpoint": (lambda log: log[:7], 8, Fault.TRUNCATED),
    "emptied": (lambda log: [], 1, Fault.TRUNCATED),
    "made anew": (lambda log: hashed_anew([*log[:6], of(log[6], action="x.y"), *log[7:]]), 8, Fault.REWRITTEN),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_done_is_named(log: Links, name: str) -> None:
    tamper, number, fault = CASES[name]
    replace_table(tamper(log))
    broken = found()
    assert broken is not None
    assert (broken.number, broken.fault) == (number, fault)
    assert broken.words
    assert not holds_offline(exported())


def test_a_text_that_is_none_is_found(log: Links) -> None:
    replace_table([*log[:6], of(log[6], actor_kind=b"cli"), *log[7:]])
    broken = found()
    assert broken is not None
    assert (broken.number, broken.fault) == (7, Fault.EDITED)
    assert not holds_offline(exported())


def test_bytes_that_are_no_text_are_found(log: Links) -> None:
    from tests.support.panel import sql

    replace_table(log)
    sql("UPDATE audit_auditentry SET actor_name = CAST(x'ff' AS TEXT) WHERE id = 7")
    broken = found()
    assert broken is not None
    assert (broken.number, broken.fault) == (7, Fault.EDITED)
    assert not holds_offline(exported())


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all leaves in a JSON value."""
    if isinstance(value, dict | list) and value:
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, part in inner for leaf in leaves(part, (*path, key))]
    return [path]


def with_leaf(text: str, path: tuple[Any, ...], leaf: Any) -> str:
    value = json.loads(text)
    if not path:
        return json.dumps(leaf)
    place = value
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = leaf
    return json.dumps(value)


floats = st.floats(allow_nan=False, allow_infinity=False, width=16)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | floats


@st.composite
def edited(draw: st.DrawFn, log: Links) -> Links:
    """One column of one row, one leaf of its JSON, or its hash."""
    index = draw(st.integers(0, ROWS - 1))
    link, column = log[index], draw(st.sampled_from([*Row._fields[1:], "hash"]))
    if column == "hash":
        new = link._replace(hash=draw(st.text("0123456789abcdefF ", max_size=65)))
    elif column in ("before", "after"):
        text = getattr(link.row, column)
        path = draw(st.sampled_from(leaves(json.loads(text)))) if text is not None else ()
        new = of(link, **{column: draw(st.just(with_leaf(text or "0", path, draw(scalars))) | st.none())})
    else:
        new = of(link, **{column: draw(st.text(max_size=4) | st.binary(max_size=4))})
    return [*log[:index], new, *log[index + 1 :]]


@st.composite
def removed(draw: st.DrawFn, log: Links) -> Links:
    first = draw(st.integers(0, ROWS - 1))
    return [*log[:first], *log[first + draw(st.integers(1, 4)) :]]


@st.composite
def inserted(draw: st.DrawFn, log: Links) -> Links:
    place = draw(st.integers(0, ROWS))
    row = draw(st.sampled_from([STRANGER, *log]))
    return [*log[:place], of(row, actor_name=draw(st.text(max_size=3))), *log[place:]]


@st.composite
def reordered(draw: st.DrawFn, log: Links) -> Links:
    return draw(st.permutations(log))


def is_lost(log: Links, tampered: Links) -> bool:
    """Whether nobody can tell: all that was signed is there, and what follows it is a chain."""
    prefix = tampered[:SIGNED] == log[:SIGNED] and [link.row.number for link in tampered] == list(
        range(1, len(tampered) + 1)
    )
    if not prefix:
        return False
    try:
        return hashed_anew(tampered) == tampered
    except (AttributeError, UnicodeError):
        return False


@given(data=st.data())
@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_tampering_goes_unseen(log: Links, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([edited, removed, inserted, reordered]))
    tampered = data.draw(kind(log))
    if kind is inserted or data.draw(st.booleans(), "numbers without gaps"):
        tampered = numbered(tampered)
    else:
        tampered = sorted(tampered, key=lambda link: link.row.number)
    if data.draw(st.booleans(), "hashes made anew"):
        try:
            tampered = hashed_anew(tampered)
        except (AttributeError, UnicodeError):
            pass
    if tampered == log or is_lost(log, tampered):
        return
    with transaction.atomic():
        replace_table(tampered)
        assert not holds_here()
        assert not holds_offline(exported())
        transaction.set_rollback(True)


@given(data=st.data())
@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_tampering_with_an_export_goes_unseen(log: Links, data: st.DataObject) -> None:
    lines = exported()
    index = data.draw(st.integers(1, len(lines) - 1))
    match data.draw(st.sampled_from(["edit", "drop", "copy", "swap", "cut", "junk"])):
        case "edit":
            entry = json.loads(lines[index])
            name = data.draw(st.sampled_from(sorted(entry)))
            value = data.draw(scalars | st.lists(scalars, max_size=1))
            if value == entry[name] and type(value) is type(entry[name]):
                return
            lines[index] = json.dumps({**entry, name: value})
        case "drop":
            del lines[index]
        case "copy":
            lines.insert(index, lines[index])
        case "swap":
            other = data.draw(st.integers(1, len(lines) - 1).filter(lambda n: n != index))
            lines[index], lines[other] = lines[other], lines[index]
        case "cut":
            del lines[index:]
        case "junk":
            lines.insert(index, data.draw(st.text(max_size=5)) + "\n")
    assert not holds_offline(lines)


def test_tampering_with_checkpoints_is_found(log: Links) -> None:
    first, _ = Checkpoint.objects.order_by("id")
    replace_table(log)  # the triggers are out of the way from here on
    for changes in (
        {"number": 4},
        {"hash": log[3].hash},
        {"fingerprint": "ed25519:" + "1" * 64},
        {"fingerprint": "nonsense"},
        {"signed_at": "2026-01-01T00:00:00Z"},
        {"signature": flipped(first.signature)},
        {"signature": ""},
        {"signature": first.signature + "\n"},
        {"number": 4, "hash": log[3].hash},
    ):
        with transaction.atomic():
            Checkpoint.objects.filter(pk=first.pk).update(**changes)
            assert [bad.id for bad in bad_checkpoints()] == [1], changes
            assert changes == {"signature": first.signature + "\n"} or not holds_offline(exported()), changes
            transaction.set_rollback(True)
    first.delete()
    assert [bad.id for bad in bad_checkpoints()] == [1]
    assert not holds_offline(exported())


def test_an_unsound_checkpoint_says_nothing_of_the_chain(log: Links) -> None:
    replace_table(log)
    Checkpoint.objects.filter(pk=2).update(number=2000)
    assert found() is None
    assert not holds_here()


def test_the_rows_of_a_log_that_grows_while_it_is_verified_are_verified_too(log: Links) -> None:
    steps = verify({})
    at = next(steps)
    assert at.at_end
    write(3, since=12)
    *_, end = verify({}, at.__class__(at.number, at.hash))
    assert (end.number, end.broken) == (15, None)
