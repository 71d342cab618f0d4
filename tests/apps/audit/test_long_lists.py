"""The list of changes costs the same whatever the length of the log: by the plans that SQLite makes of its queries."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditEntry
from apps.audit.paginator import LogPaginator
from apps.audit.selectors import EntryFilters, entries, history_of, occurring_values, search
from tests.support.audit_log import write
from tests.support.panel import sql

LIST = "/audit/auditentry/"


@pytest.fixture
def log(db: None) -> None:
    write(120)


def plans(work: Callable[[], object]) -> list[tuple[str, str]]:
    """Each query of the log that `work` makes, with each step that SQLite takes for it."""
    with CaptureQueriesContext(connection) as queries:
        work()
    found = [query["sql"] for query in queries if "audit_auditentry" in query["sql"]]
    assert found
    with connection.cursor() as cursor:
        raw: Any = cursor.connection
        return [(one, step[3]) for one in found for step in raw.execute(f"EXPLAIN QUERY PLAN {one}").fetchall()]


def reads_all(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that go through the whole table, or sort. One that reads by number up to a limit does not."""
    return [
        (query, step)
        for query, step in steps
        if "USE TEMP" in step or (step == "SCAN audit_auditentry" and not ("WHERE" not in query and "LIMIT" in query))
    ]


@pytest.mark.parametrize("query", ["", "?p=2", "?p=3", "?action=peer.changed", "?actor_kind=cli", "?o=0", "?o=1"])
def test_a_page_of_the_list(panel: Client, log: None, query: str) -> None:
    assert reads_all(plans(lambda: panel.get(LIST + query))) == []


def test_a_search_sorts_what_it_finds_and_reads_no_more(panel: Client, log: None) -> None:
    assert {step for _, step in reads_all(plans(lambda: panel.get(LIST + "?q=p1")))} == {"USE TEMP B-TREE FOR ORDER BY"}


def test_the_history_of_an_object(log: None) -> None:
    steps = plans(lambda: list(history_of("peer", "p1", name_field="peer_id")[:50]))
    assert reads_all(steps) == []
    assert any("audit_which (object_id=? AND object_type=?)" in step for _, step in steps)


def test_every_page_holds_what_it_did_by_offsets(panel: Client, log: None) -> None:
    rows = AuditEntry.objects.order_by("-id")
    everything = list(rows)
    pages = LogPaginator(rows, 50)
    assert (pages.count, pages.num_pages) == (120, 3)
    assert [entry for number in (1, 2, 3) for entry in pages.page(number)] == everything
    assert list(LogPaginator(rows.reverse(), 50).page(3)) == everything[::-1][100:]
    some = rows.filter(object_id="p1")
    assert list(LogPaginator(some, 7).page(2)) == list(some[7:14])
    assert LogPaginator(some, 7).count == 30
    assert len(re.findall(r'<tr class="[^"]*data-row', panel.get(f"{LIST}?p=3").content.decode())) > 0


def test_a_filtered_list_is_counted_up_to_a_bound(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.audit.paginator.MAX_COUNTED", 20)
    assert LogPaginator(AuditEntry.objects.filter(object_id="p1"), 7).count == 20


def test_the_search_finds_beginnings_and_requests(log: None) -> None:
    rows = AuditEntry.objects.all()
    assert {entry.object_id for entry in search(rows, "p1")} == {"p1"}
    assert search(rows, "ali").count() == 120
    assert search(rows, "lice").count() == 0
    assert search(rows, "%").count() == search(rows, "_").count() == 0
    sql("DROP TRIGGER alknet_audit_audit_auditentry_update")
    rows.filter(pk=7).update(request_id="6f1f", object_id="p\U0010fffe")
    assert [entry.pk for entry in search(rows, "6f1f")] == [7]
    assert [entry.pk for entry in search(rows, "p\U0010fffe")] == [7]


def test_the_values_that_occur(log: None) -> None:
    assert occurring_values("action") == ["peer.changed"]
    assert occurring_values("actor_kind") == ["cli"]
    with pytest.raises(ValueError, match="hash"):
        occurring_values("hash")


def test_no_values_occur_in_an_empty_log(db: None) -> None:
    assert occurring_values("action") == []


def test_pages_by_number_lose_nothing(log: None) -> None:
    found: list[int] = []
    before: int | None = None
    while page := entries(EntryFilters(object_id="p1"), before=before, limit=7):
        found += [entry.pk for entry in page]
        before = page[-1].pk
    assert found == list(AuditEntry.objects.filter(object_id="p1").values_list("pk", flat=True))
