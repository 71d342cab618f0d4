"""Changing the rules of forwarding: their order, their bounds, and what the log says."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.audit.models import AuditEntry
from apps.forwarding import selectors, services
from apps.forwarding.errors import Absent
from apps.forwarding.models import Rule
from apps.forwarding.services import rules as module
from apps.peers import services as peers
from apps.peers.hanging import hanging_on
from node.core.forwarding.judgement import judge
from node.core.forwarding.policy import Direction, Transport
from node.core.forwarding.rules import InvalidRule
from node.core.forwarding.target import Target
from node.core.identity import Identity
from node.core.peers import PeerEntry
from tests.support.panel import ALICE

pytestmark = pytest.mark.django_db


def add(target: str, action: str = "allow", **wish: Any) -> Rule:
    return services.add_rule(actor=ALICE, target=target, action=action, **wish)


def order() -> str:
    """The targets in their order; their places have no gap."""
    rows = selectors.list_rules()
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    return " ".join(row.target for row in rows)


def test_rules_are_added_moved_and_removed_and_stay_without_a_gap() -> None:
    for name in "abc":
        add(name)
    add("d", position=2)
    add("e", position=99)
    assert order() == "a d b c e"
    ids = {row.target: row.pk for row in selectors.list_rules()}
    services.move_rule(actor=ALICE, rule_id=ids["e"], position=1)
    assert order() == "e a d b c"
    services.move_rule(actor=ALICE, rule_id=ids["a"], position=4)
    assert order() == "e d b a c"
    services.change_rule(actor=ALICE, rule_id=ids["c"], position=1, target="C2", note="x")
    assert order() == "c2 e d b a"
    assert services.remove_rules(actor=ALICE, rule_ids=[ids["d"], ids["e"]]) == 2
    assert order() == "c2 b a"
    with pytest.raises(Absent):
        services.remove_rules(actor=ALICE, rule_ids=[ids["a"], ids["d"]])
    assert order() == "c2 b a"


def test_what_a_rule_allows_a_peer_goes_with_it_and_never_to_everybody(add_peer: Callable[..., PeerEntry]) -> None:
    for name in ("ann", "bob", "db"):
        add_peer(name, scopes=["db"] if name == "bob" else [])
    for target, who, action in (
        ("alone", ["ann"], "allow"),
        ("both", ["bob", "ann"], "allow"),
        ("refused", ["ann"], "deny"),
        ("scope", ["db"], "allow"),
        ("all", [], "allow"),
    ):
        add(target, action, principals=who)
    damaged = add("damaged", principals=["ann"])
    Rule.objects.filter(pk=damaged.pk).update(principals=["ann", {"x": 1}])
    told = [(one.peer_id, one.words) for one in hanging_on(["ann", "db"])]
    assert told == [
        ("ann", "1. allow alone for ann, which goes"),
        ("ann", "its name in 2. allow both for bob, ann"),
    ]
    peers.remove_peers(actor=ALICE, peer_ids=["ann", "db"])
    assert order() == "both refused scope all damaged"
    assert [row.principals for row in selectors.list_rules()][:4] == [["bob"], ["ann"], ["db"], []]
    logged = AuditEntry.objects.order_by("-pk").values_list("action", flat=True)[:2]
    assert list(logged) == ["forwarding_rule.removed", "forwarding_rule.forgot"]
    peers.update_peer(actor=ALICE, peer_id="bob", changes={"peer_id": "rob"})
    assert selectors.list_rules()[0].principals == ["rob"]


def test_a_name_that_is_a_scope_as_well_stays_when_its_peer_is_renamed(add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("bob", scopes=["db"])
    add_peer("db")
    add("x", "deny", principals=["db"])
    peers.update_peer(actor=ALICE, peer_id="db", changes={"peer_id": "store"})
    assert selectors.list_rules()[0].principals == ["store", "db"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("amr"), st.integers(1, 9), st.integers(0, 9)), max_size=8))
def test_any_row_of_changes_is_what_a_list_does(steps: list[tuple[str, int, int]]) -> None:
    Rule.objects.all().delete()
    wanted: list[str] = []
    for number, (kind, place, which) in enumerate(steps):
        if kind == "a":
            wanted.insert(place - 1, add(f"h{number}", position=place).pk)
        elif wanted:
            one = wanted.pop(which % len(wanted))
            if kind == "m":
                services.move_rule(actor=ALICE, rule_id=one, position=place)
                wanted.insert(place - 1, one)
            else:
                services.remove_rules(actor=ALICE, rule_ids=[one])
        rows = selectors.list_rules()
        assert [(row.pk, row.position) for row in rows] == [(pk, place) for place, pk in enumerate(wanted, 1)]


def test_every_change_leaves_one_row_in_the_log(forget_audit: Callable[[], None]) -> None:
    first, second = add("10.0.0.0/8", "deny"), add("*", principals=["team:db"], transports=["quic"])
    assert str(second) == "2. allow * for team:db over quic"
    services.change_rule(actor=ALICE, rule_id=first.pk, note="the office", position=2)
    services.move_rule(actor=ALICE, rule_id=first.pk, position=1)
    services.move_rule(actor=ALICE, rule_id=first.pk, position=1)
    services.change_rule(actor=ALICE, rule_id=first.pk, note="the office")
    services.remove_rules(actor=ALICE, rule_ids=[first.pk])
    told = list(AuditEntry.objects.order_by("pk").values_list("action", "object_id"))
    names = ("added", "added", "changed", "moved", "removed")
    owners = (first, second, first, first, first)
    assert told == [(f"forwarding_rule.{name}", row.pk) for name, row in zip(names, owners, strict=True)]
    moved = AuditEntry.objects.get(action="forwarding_rule.moved")
    assert (moved.before["position"], moved.after["position"]) == (2, 1)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"target": "10.0.0.1/8"}, "target"),
        ({"action": "perhaps"}, "action"),
        ({"principals": ["a", "a"]}, "principals"),
        ({"principals": [""]}, "principals"),
        ({"principals": [f"p{n}" for n in range(51)]}, "principals"),
        ({"transports": ["udp"]}, "transports"),
        ({"directions": [["local"]]}, "directions"),
        ({"note": "two\nlines"}, "note"),
        ({"position": 0}, "position"),
        ({"position": services.MAX_RULES + 1}, "position"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRule) as refused:
        add(**{"target": "x"} | wish)
    assert list(refused.value.errors) == [field]
    row = add("x")
    with pytest.raises(InvalidRule):
        services.change_rule(actor=ALICE, rule_id=row.pk, **wish)
    assert AuditEntry.objects.count() == Rule.objects.count() == 1


def test_there_are_so_many_rules_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RULES", 2)
    add("a")
    add("b")
    with pytest.raises(InvalidRule):
        add("c")
    assert order() == "a b"


def test_all_of_a_kind_is_stored_as_no_restriction() -> None:
    row = add("x", transports=["channel", "tcp", "quic"], directions=["remote", "local"])
    assert (row.transports, row.directions) == ([], [])


def test_a_rule_follows_its_peer_to_another_name(add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("ann")
    row, other = add("x", principals=["ann", "team:db"]), add("y", principals=["bob"])
    peers.update_peer(actor=ALICE, peer_id="ann", changes={"peer_id": "anna"})
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.principals, other.principals) == (["anna", "team:db"], ["bob"])
    assert AuditEntry.objects.filter(action="forwarding_rule.followed").count() == 1


def test_a_damaged_rule_refuses_everything_from_its_place_on() -> None:
    add("a")
    add("b")
    add("c")
    Rule.objects.filter(target="b").update(target="10.0.*")

    def allowed(host: str) -> bool:
        asked = (Identity("ann"), Target(host, 1), (), Transport.QUIC, Direction.LOCAL)
        return judge(selectors.current_policy(), *asked).allowed

    assert [allowed(host) for host in "abc"] == [True, False, False]
