"""The access check against an oracle that follows spec call §12 step by step, and shares no code with it."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.access import AccessControl, check_access, check_scopes
from node.core.identity import Identity
from node.core.ownership import OwnershipStore

EXAMPLES, EACH = 300, 6
EVERY = ("a", "a:b", "A", "*")
"""Alike enough for a comparison that is not exact to confuse them."""
WORDS = st.sampled_from(EVERY)
NAMES = st.sampled_from(["ann", "bob"])
names = st.lists(WORDS, max_size=3).map(tuple)
identities = st.none() | st.builds(
    Identity, id=NAMES, scopes=names, resources=st.dictionaries(WORDS, names, max_size=3)
)
controls = st.builds(AccessControl, names, st.none() | names, st.none() | WORDS, st.none() | WORDS)
records = st.none() | st.lists(st.tuples(st.sampled_from(["record", "revoke"]), NAMES, WORDS, WORDS), max_size=4)
ALLOWED = ""


class Oracle:
    """The spec's seven steps, each written out. It keeps who owns what as a plain list of what happened."""

    def __init__(self, happened: list[tuple[str, str, str, str]] | None) -> None:
        self.provider_present = happened is not None
        self.happened = happened or []

    def owner(self, kind: str, resource: str) -> str | None:
        current = None
        for what, name, of_kind, of_resource in self.happened:
            if (of_kind, of_resource) == (kind, resource):
                current = name if what == "record" else None
        return current

    def owned(self, name: str, kind: str) -> set[str]:
        return {resource for resource in EVERY if self.owner(kind, resource) == name}

    def verdict(self, control: Any, caller: Any, resource: str | None) -> str:
        steps = (self.step_1, self.step_2, self.step_3, self.step_4, self.step_5, self.step_6, self.step_7)
        for step in steps:
            verdict = step(control, caller, resource)
            if verdict is not None:
                return verdict
        return ALLOWED

    def step_1(self, control: Any, _: Any, __: Any) -> str | None:
        asked = (control.required_scopes, control.required_scopes_any, control.resource_type, control.resource_action)
        return ALLOWED if asked == ((), None, None, None) else None

    def step_2(self, _: Any, caller: Any, __: Any) -> str | None:
        return "authentication required" if caller is None else None

    def step_3(self, control: Any, caller: Any, _: Any) -> str | None:
        for scope in control.required_scopes:
            if caller.scopes.count(scope) == 0:
                return "missing required scope: " + scope
        return None

    def step_4(self, control: Any, caller: Any, _: Any) -> str | None:
        if control.required_scopes_any is None:
            return None
        for scope in control.required_scopes_any:
            if caller.scopes.count(scope) > 0:
                return None
        return "missing required scope (any of: " + ", ".join(control.required_scopes_any) + ")"

    def step_5(self, control: Any, caller: Any, resource: str | None) -> str | None:
        """It replaces those after it."""
        kind = control.resource_type
        if not self.provider_present or kind is None:
            return None
        if resource is None:
            return ALLOWED if self.owned(caller.id, kind) else "no owned resources of type: " + kind
        mine = self.owner(kind, resource) == caller.id
        return ALLOWED if mine else "not owner of resource: " + kind + "/" + resource

    def step_6(self, control: Any, caller: Any, _: Any) -> str | None:
        kind, action = control.resource_type, control.resource_action
        if kind is None:
            return None
        listed = list(caller.resources[kind]) if kind in caller.resources else []
        if action is None:
            return ALLOWED if len(listed) > 0 else "missing resource: " + kind
        return ALLOWED if action in listed else "missing resource: " + kind + "/" + action

    def step_7(self, control: Any, caller: Any, _: Any) -> str | None:
        if control.resource_action is None:
            return None
        for listed in caller.resources.values():
            if control.resource_action in listed:
                return ALLOWED
        return "missing resource action: " + control.resource_action


def store_of(happened: list[tuple[str, str, str, str]] | None) -> OwnershipStore | None:
    if happened is None:
        return None
    store = OwnershipStore()
    for what, name, kind, resource in happened:
        if what == "record":
            store.record(Identity(name), kind, resource)
        else:
            store.revoke(kind, resource)
    return store


@given(
    st.lists(controls, min_size=EACH, max_size=EACH), st.lists(identities, min_size=EACH, max_size=EACH), WORDS, records
)
@settings(max_examples=EXAMPLES, deadline=None, database=None)
def test_the_check_follows_the_spec(
    asked: list[AccessControl],
    callers: list[Identity | None],
    named: str,
    happened: list[tuple[str, str, str, str]] | None,
) -> None:
    """Every control of an example with every caller of it, with and without a resource: 21 600 cases."""
    store, oracle = store_of(happened), Oracle(happened)
    for control, identity, resource in itertools.product(asked, callers, (None, named)):
        decision = check_access(control, identity, resource, store)
        expected = oracle.verdict(control, identity, resource)
        assert (decision.allowed, decision.message) == (expected == ALLOWED, expected)
        assert decision.explanation
        early = check_scopes(control, identity)
        assert early.allowed or early == decision  # what it refuses, the whole check refuses in the same words


@given(records)
def test_the_store_knows_what_each_owns(happened: list[tuple[str, str, str, str]] | None) -> None:
    store, oracle = store_of(happened or []), Oracle(happened)
    assert store is not None
    owned = {(name, kind): oracle.owned(name, kind) for name in ("ann", "bob") for kind in EVERY}
    assert {at: set(store.owned_resources(Identity(at[0]), at[1])) for at in owned} == owned
    assert {at: store.owns_any(Identity(at[0]), at[1]) for at in owned} == {at: bool(ids) for at, ids in owned.items()}
    assert len(store) == sum(map(len, owned.values()))


def test_ownership_gates_no_action() -> None:
    store = OwnershipStore()
    store.record(Identity("ann"), "container", "c1")
    assert store.owns(Identity("ann", scopes=("other",)), "container", "c1", "exec")
    assert not store.owns(Identity("bob"), "container", "c1", "exec")


@pytest.mark.parametrize(
    ("control", "identity", "message"),
    [
        (AccessControl(required_scopes=("admin",)), None, "authentication required"),
        (AccessControl(required_scopes=("admin",)), Identity("u", ("user",)), "missing required scope: admin"),
        (
            AccessControl(required_scopes_any=("x", "y")),
            Identity("u", ("z",)),
            "missing required scope (any of: x, y)",
        ),
        (AccessControl(required_scopes_any=()), Identity("u", ("z",)), "missing required scope (any of: )"),
        (
            AccessControl(resource_type="service", resource_action="read"),
            Identity("u", (), {"service": ("write",)}),
            "missing resource: service/read",
        ),
    ],
)
def test_the_denied_are_told_in_the_words_of_the_spec(
    control: AccessControl, identity: Identity | None, message: str
) -> None:
    assert check_access(control, identity).message == message


def test_the_explanation_says_what_the_caller_has_and_the_message_does_not() -> None:
    decision = check_access(AccessControl(required_scopes=("admin",)), Identity("ann", ("user", "guest")))
    assert decision.explanation == "“ann” has these scopes: user, guest"
    assert "guest" not in decision.message


def test_an_explanation_stays_short_whatever_a_caller_names() -> None:
    control = AccessControl(resource_type="container")
    decision = check_access(control, Identity("ann"), "x" * 100_000, OwnershipStore())
    assert len(decision.explanation) < 1000
