"""The chain of hashes: byte by byte as docs/audit.md has it, over every writer, and over what was there before it."""

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from apps.audit import rows
from apps.audit.chain import GENESIS, Link, Row, canonical, next_hash
from apps.audit.guards import without_guards
from apps.audit.models import AuditEntry
from apps.audit.services import Change, record
from tests.support.panel import ALICE, sql

AddPeer = Callable[..., object]


def is_chained(links: list[Link]) -> bool:
    previous = GENESIS
    for number, link in enumerate(links, start=1):
        if link.row.number != number or next_hash(previous, link.row) != link.hash:
            return False
        previous = link.hash
    return True


def test_the_bytes_of_a_row() -> None:
    row = Row(12, "2026-01-02 03:04:05", "cli", "é", "peer.added", "peer", "", None, '{"a": 1}', "")
    lengths = [2, 19, 3, 2, 10, 4, 0, 0xFFFFFFFF, 8, 0]
    text = b"".join(number.to_bytes(4, "big") for number in lengths)
    text += b"12" + b"2026-01-02 03:04:05" + b"cli" + b"\xc3\xa9" + b"peer.added" + b"peer" + b'{"a": 1}'
    assert canonical(row) == text
    assert next_hash(GENESIS, row) == hashlib.sha256(bytes.fromhex(GENESIS) + text).hexdigest()
    assert hashlib.sha256(b"alknet/audit/chain/1").hexdigest() == GENESIS


def test_what_is_hashed_is_what_django_reads(db: None) -> None:
    change = Change("x.y", "x", "n\0✓", before={"b": [1, 2.5, None, "ü"]}, after={})
    with transaction.atomic():
        record(actor=ALICE, changes=[change, Change("x.z", "x", "")])
    first, second = AuditEntry.objects.order_by("id")
    assert (first.pk, first.object_id, first.before, first.after) == (1, "n\0✓", {"b": [1, 2.5, None, "ü"]}, {})
    assert (second.before, second.after, second.at) == (None, None, first.at)
    [link, _] = links = rows.read_links(0, 10)
    assert link.row.before == '{"b": [1, 2.5, null, "\\u00fc"]}'
    assert link.row.at == str(first.at.replace(tzinfo=None))
    assert is_chained(links)


def test_thousands_of_changes_of_one_transaction_take_three_statements(
    db: None, django_assert_num_queries: Any
) -> None:
    with transaction.atomic(), django_assert_num_queries(2):
        record(actor=ALICE, changes=(Change("x.y", "x", str(number), after={"n": number}) for number in range(5000)))
    assert is_chained(rows.read_links(0, 10_000))
    assert rows.head()[0] == 5000


@pytest.mark.django_db(transaction=True)
def test_writers_that_come_together_make_one_chain() -> None:
    def write(name: str) -> None:
        try:
            for number in range(10):
                with transaction.atomic():
                    record(actor=ALICE, changes=[Change("x.y", "x", f"{name}{number}")])
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    links = rows.read_links(0, 100)
    assert len(links) == 40
    assert is_chained(links)


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_taken_back_leaves_no_gap(add_peer: AddPeer) -> None:
    add_peer("a")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record(actor=ALICE, changes=[Change("x.y", "x", "lost")])
        raise ZeroDivisionError
    add_peer("b")
    assert is_chained(rows.read_links(0, 10))


@pytest.mark.django_db(transaction=True)
def test_a_log_from_before_the_chain_is_brought_into_it() -> None:
    call_command("migrate", "audit", "0001", verbosity=0)
    try:
        columns = "id, at, actor_kind, actor_name, action, object_type, object_id, before, after, request_id"
        for number in (3, 4, 9, 2500):
            values = f"{number}, '2026-01-02 03:04:05', 'cli', 'é', 'a.b', 'a', 'n{number}', NULL, '{{\"a\": 1}}', ''"
            with without_guards():
                sql(f"INSERT INTO audit_auditentry ({columns}) VALUES ({values})")
    finally:
        call_command("migrate", verbosity=0)
    links = rows.read_links(0, 10)
    assert [link.row.object_id for link in links] == ["n3", "n4", "n9", "n2500"]
    assert is_chained(links)
    with transaction.atomic():
        record(actor=ALICE, changes=[Change("x.y", "x", "next")])
    assert is_chained(rows.read_links(0, 10))
