"""A rotation seals everything anew, loses nothing that others write meanwhile, and goes on where it was cut off."""

import threading

import pytest
from django.db import connection

from apps.credentials import selectors, services
from apps.credentials.errors import Absent, NodeUnavailable
from apps.credentials.services import Outcome, Plan, Step
from node.core.capabilities import Secret
from node.core.credentials import InvalidCredential
from tests.support.credentials import blob, insert, stored
from tests.support.panel import ALICE, audit
from tests.support.vault_node import VaultNode, opened


def set_(*providers: str) -> None:
    for name in providers:
        services.set_credential(actor=ALICE, provider=name, content=Secret(f"content of {name}"))


def rotate(plan: Plan) -> list[Step]:
    return list(services.rotate_credentials(actor=ALICE, plan=plan))


def contents() -> dict[str, str]:
    return {name: opened(sealed) for name, sealed in selectors.blobs().items()}


@pytest.mark.django_db
def test_all_are_sealed_anew_and_hold_what_they_held(node: VaultNode) -> None:
    set_("a", "b", "c")
    before, held = selectors.blobs(), contents()
    steps = rotate(services.plan_rotation())

    after = selectors.blobs()
    assert steps == [Step(name, Outcome.ROTATED) for name in "abc"]
    assert selectors.key_versions() == {"a": 3, "b": 3, "c": 3}
    assert contents() == held == {name: f"content of {name}" for name in "abc"}
    assert all(before[name].iv != after[name].iv and before[name].salt != after[name].salt for name in "abc")
    assert all(opened(old) == held[name] for name, old in before.items()), "old blobs still open"
    assert audit()[3:] == [("alice", "credential.rotated", name) for name in "abc"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("versions", "to", "expected"),
    [
        ({}, None, Plan(2, (), 0)),
        ({"a": 2, "b": 2}, None, Plan(3, ("a", "b"), 0)),
        ({"a": 4, "b": 4}, None, Plan(5, ("a", "b"), 0)),
        ({"a": 2, "b": 3, "c": 2}, None, Plan(3, ("a", "c"), 1)),
        ({"a": 1}, None, Plan(2, ("a",), 0)),
        ({"a": 2, "b": 3}, 7, Plan(7, ("a", "b"), 0)),
        ({"a": 7}, 7, Plan(7, (), 1)),
    ],
)
def test_where_a_rotation_leads(versions: dict[str, int], to: int | None, expected: Plan) -> None:
    for name, version in versions.items():
        insert(name, key_version=version)
    assert services.plan_rotation(to=to) == expected


@pytest.mark.django_db
def test_one_of_many() -> None:
    for name in "abc":
        insert(name)
    assert services.plan_rotation(providers=["b", "b"]) == Plan(3, ("b",), 0)
    with pytest.raises(Absent, match="ghost"):
        services.plan_rotation(providers=["a", "ghost"])


@pytest.mark.django_db
@pytest.mark.parametrize("to", [-1, 0, 1, 2, 2**31 + 2])
def test_a_version_that_leads_back_or_nowhere_is_refused(to: int) -> None:
    insert("a", key_version=3)
    with pytest.raises(InvalidCredential) as refused:
        services.plan_rotation(to=to)
    assert list(refused.value.errors) == ["to"]


@pytest.mark.django_db
def test_one_that_cannot_be_opened_stays_and_the_others_go_on(node: VaultNode) -> None:
    set_("a", "z")
    insert("foreign")
    insert("junk", iv="twelve chars")
    insert("legacy", key_version=1)
    before = stored()
    steps = {step.provider: step for step in rotate(services.plan_rotation(to=3))}

    assert {name: step.outcome for name, step in steps.items()} == {
        "a": Outcome.ROTATED,
        "foreign": Outcome.FAILED,
        "junk": Outcome.FAILED,
        "legacy": Outcome.FAILED,
        "z": Outcome.ROTATED,
    }
    assert all(steps[name].reason for name in ("foreign", "junk", "legacy"))
    assert {name: row for name, row in stored().items() if name not in "az"} == {
        name: row for name, row in before.items() if name not in "az"
    }


@pytest.mark.django_db
def test_a_vault_that_is_locked_half_way_stops_it_and_the_same_again_ends_it(node: VaultNode) -> None:
    set_("a", "b", "c")
    steps = services.rotate_credentials(actor=ALICE, plan=services.plan_rotation())
    assert next(steps) == Step("a", Outcome.ROTATED)
    node.tell("lock")
    with pytest.raises(NodeUnavailable):
        next(steps)
    assert selectors.key_versions() == {"a": 3, "b": 2, "c": 2}

    node.tell("unlock")
    assert rotate(services.plan_rotation()) == [Step("b", Outcome.ROTATED), Step("c", Outcome.ROTATED)]
    assert selectors.key_versions() == {"a": 3, "b": 3, "c": 3}
    assert contents() == {name: f"content of {name}" for name in "abc"}


@pytest.mark.django_db
def test_what_does_not_open_is_never_stored_over_what_does(node: VaultNode) -> None:
    set_("a")
    before = stored()
    node.tell("lie")
    assert [step.outcome for step in rotate(services.plan_rotation())] == [Outcome.FAILED]
    assert stored() == before
    assert [step.outcome for step in rotate(services.plan_rotation())] == [Outcome.ROTATED]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("meanwhile", ["replaced", "removed", "rotated further"])
def test_what_another_connection_writes_meanwhile_is_not_lost(node: VaultNode, meanwhile: str) -> None:
    """The node holds the rotation up after it has read the row; then another connection writes."""
    set_("a")
    node.tell("hold")
    found: list[Step] = []

    def work() -> None:
        try:
            found.extend(rotate(services.plan_rotation()))
        finally:
            connection.close()

    rotation = threading.Thread(target=work)
    rotation.start()
    assert node.hears() == "held"
    newer = blob("newer", key_version=2 if meanwhile == "replaced" else 4)
    if meanwhile == "removed":
        services.remove_credentials(actor=ALICE, providers=["a"])
    else:
        services.put_credential(actor=ALICE, provider="a", blob=newer)
    node.tell("go")
    rotation.join()

    ends = {"replaced": Outcome.FAILED, "removed": Outcome.GONE, "rotated further": Outcome.THERE}
    assert [step.outcome for step in found] == [ends[meanwhile]], "the new one is nobody's to open: it is left alone"
    assert selectors.blobs() == ({} if meanwhile == "removed" else {"a": newer})
    assert "credential.rotated" not in [what for _, what, _ in audit()]


@pytest.mark.django_db(transaction=True)
def test_a_content_that_is_set_meanwhile_is_rotated_in_its_turn(node: VaultNode) -> None:
    set_("a")
    set_("b")
    sealed = selectors.find_blob("b")
    assert sealed is not None
    node.tell("hold")
    found: list[Step] = []

    def work() -> None:
        try:
            found.extend(rotate(services.plan_rotation(providers=["a"])))
        finally:
            connection.close()

    rotation = threading.Thread(target=work)
    rotation.start()
    assert node.hears() == "held"
    services.put_credential(actor=ALICE, provider="a", blob=sealed)
    node.tell("go")
    rotation.join()

    assert found == [Step("a", Outcome.ROTATED)]
    assert contents() == {"a": "content of b", "b": "content of b"}
