"""Every way of writing a credential leaves its notification, so that the node needs no other."""

from collections.abc import Callable

import pytest
from django.core.management import call_command

from apps.credentials import services
from apps.notify.services import missing_triggers
from tests.support.credentials import blob, insert
from tests.support.panel import ALICE, notification_listener, sql

Heard = list[tuple[str, str]]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard() -> Callable[[], Heard]:
    """The notifications of credentials since the last call, as (op, id)."""
    since = notification_listener()

    def listen() -> Heard:
        found = since()
        assert {channel for channel, _ in found} <= {"credentials_changed"}
        assert {payload["table"] for _, payload in found} <= {"credentials"}
        return [(payload["op"], payload["id"]) for _, payload in found]

    return listen


def test_the_services_are_heard(heard: Callable[[], Heard]) -> None:
    services.put_credential(actor=ALICE, provider="a", blob=blob(1))
    services.put_credential(actor=ALICE, provider="a", blob=blob(2))
    services.swap_credential(actor=ALICE, provider="a", old=blob(2), new=blob(3, key_version=3))
    services.remove_credentials(actor=ALICE, providers=["a"])
    assert heard() == [("insert", "a"), ("update", "a"), ("update", "a"), ("delete", "a")]


def test_a_change_that_did_not_happen_is_not_heard(heard: Callable[[], Heard]) -> None:
    services.swap_credential(actor=ALICE, provider="a", old=blob(1), new=blob(2))
    services.delete_credential(actor=ALICE, provider="a")
    assert heard() == []


def test_raw_writes_are_heard(heard: Callable[[], Heard]) -> None:
    insert("a")
    insert("a", verb="INSERT OR REPLACE", key_version=3)
    insert("b", verb="REPLACE")
    assert heard() == [("insert", "a"), ("insert", "a"), ("insert", "b")], "a reader knows a row by its key alone"

    sql("UPDATE credentials SET provider = 'c' WHERE provider = 'a'")
    assert heard() == [("delete", "a"), ("insert", "c")]
    sql("UPDATE OR REPLACE credentials SET provider = 'b' WHERE provider = 'c'")
    assert heard() == [("delete", "c"), ("insert", "b")], "the row that went had the key of the one that came"
    sql("DELETE FROM credentials")
    assert heard() == [("delete", "b")]


def test_a_database_of_before_there_were_credentials_is_seen_to_lack_them() -> None:
    call_command("migrate", "credentials", "zero", verbosity=0)
    try:
        assert "credentials" in missing_triggers()
    finally:
        call_command("migrate", verbosity=0)
    assert missing_triggers() == []
