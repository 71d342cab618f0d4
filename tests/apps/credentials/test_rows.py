"""The table keeps the shape of the contract, and takes nothing that could not be a sealed blob."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.credentials import selectors, services
from apps.credentials.errors import Absent
from apps.credentials.models import Credential
from node.core.credentials import EncryptedData, InvalidCredential
from tests.support.credentials import blob, insert, stored
from tests.support.panel import ALICE, audit

pytestmark = pytest.mark.django_db


def put(provider: str, sealed: EncryptedData) -> None:
    services.put_credential(actor=ALICE, provider=provider, blob=sealed)


def test_a_raw_insert_of_the_contracts_columns_is_a_whole_row() -> None:
    insert("openai", salt=b"")

    facts = selectors.list_credentials()[0]
    assert (facts.provider, facts.key_version, facts.changed_by) == ("openai", 2, "")
    assert abs(timezone.now() - facts.changed_at) < timedelta(minutes=1)
    assert selectors.find_blob("openai") == blob("openai", salt=b"")


@pytest.mark.parametrize(
    ("provider", "columns"),
    [
        ("", {}),
        (None, {}),
        ("x", {"key_version": 0}),
        ("x", {"key_version": -1}),
        ("x", {"key_version": None}),
        ("x", {"salt": None}),
        ("x", {"iv": b"1" * 11}),
        ("x", {"iv": b"1" * 13}),
        ("x", {"iv": None}),
        ("x", {"data": b"1" * 15}),
        ("x", {"data": None}),
    ],
)
def test_the_database_refuses_what_is_no_blob(provider: str | None, columns: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        insert(provider, **columns)


def test_an_unmigrated_row_of_version_1_may_lie_there() -> None:
    insert("old", key_version=1)
    assert selectors.key_versions() == {"old": 1}
    assert selectors.key_version_for_new() == 2


def test_a_row_that_holds_no_blob_is_left_out_and_can_be_replaced_and_removed() -> None:
    insert("good")
    insert("bad", iv="twelve chars")
    assert list(selectors.blobs()) == ["good"]
    with pytest.raises(InvalidCredential):
        selectors.find_blob("bad")

    put("bad", blob(1))
    assert selectors.find_blob("bad") == blob(1)
    insert("worse", data="a text of more than sixteen")
    services.remove_credentials(actor=ALICE, providers=["worse"])
    assert sorted(stored()) == ["bad", "good"]


def test_what_is_put_is_there_byte_for_byte_and_audited_without_it() -> None:
    first, second = blob(1, salt=b""), blob(2, key_version=3)
    put("openai", first)
    assert selectors.find_blob("openai") == first
    before = stored()["openai"]
    put("openai", second)

    assert selectors.find_blob("openai") == second
    assert stored()["openai"]["changed_at"] > before["changed_at"]
    assert audit() == [("alice", "credential.added", "openai"), ("alice", "credential.replaced", "openai")]
    values = AuditEntry.objects.order_by("id").values_list("before", "after")
    assert list(values) == [(None, {"key_version": 2}), ({"key_version": 2}, {"key_version": 3})]
    assert selectors.list_credentials()[0].changed_by == "alice (shell)"


@pytest.mark.parametrize("provider", ["", " x", "a\nb", "x" * 256, "\x00", "\ud800"])
def test_a_provider_needs_a_name_that_can_be_read(provider: str) -> None:
    with pytest.raises(InvalidCredential) as refused:
        put(provider, blob(1))
    assert list(refused.value.errors) == ["provider"]
    assert (stored(), audit()) == ({}, [])


@pytest.mark.parametrize(
    "wrong",
    [
        EncryptedData(0, b"", bytes(12), bytes(16)),
        EncryptedData(2**32, b"", bytes(12), bytes(16)),
        EncryptedData(2, b"", bytes(11), bytes(16)),
        EncryptedData(2, b"", bytes(12), bytes(15)),
        EncryptedData(2, "text", bytes(12), bytes(16)),  # type: ignore[arg-type]  # the mistake under test
    ],
)
def test_what_is_no_blob_is_refused_before_the_database_sees_it(wrong: EncryptedData) -> None:
    with pytest.raises(InvalidCredential):
        put("x", wrong)
    assert (stored(), audit()) == ({}, [])


def test_removing_is_all_or_nothing() -> None:
    for name in "abc":
        put(name, blob(name))
    with pytest.raises(Absent, match="ghost"):
        services.remove_credentials(actor=ALICE, providers=["a", "ghost"])
    assert sorted(stored()) == ["a", "b", "c"]

    assert services.remove_credentials(actor=ALICE, providers=["a", "b", "a"]) == 2
    assert sorted(stored()) == ["c"]
    assert audit()[3:] == [("alice", "credential.removed", name) for name in "ab"]


def test_deleting_what_is_not_there_succeeds_and_leaves_no_trace() -> None:
    services.delete_credential(actor=ALICE, provider="ghost")
    assert audit() == []


def test_a_swap_writes_only_over_the_row_that_was_read() -> None:
    old, new, newer = blob(1), blob(2, key_version=3), blob(3, key_version=3)
    put("openai", old)
    assert services.swap_credential(actor=ALICE, provider="openai", old=old, new=new)
    assert not services.swap_credential(actor=ALICE, provider="openai", old=old, new=newer)
    assert not services.swap_credential(actor=ALICE, provider="openai", old=blob(2, key_version=4), new=newer)
    assert not services.swap_credential(actor=ALICE, provider="ghost", old=old, new=newer)

    assert selectors.find_blob("openai") == new
    assert [what for _, what, _ in audit()] == ["credential.added", "credential.rotated"]


def test_a_rotation_leaves_when_and_by_whom_the_content_was_set() -> None:
    put("openai", blob(1))
    before = selectors.list_credentials()[0]
    Credential.objects.update(changed_by="bob")
    services.swap_credential(actor=ALICE, provider="openai", old=blob(1), new=blob(2, key_version=3))

    after = selectors.list_credentials()[0]
    assert (after.changed_at, after.changed_by, after.key_version) == (before.changed_at, "bob", 3)
