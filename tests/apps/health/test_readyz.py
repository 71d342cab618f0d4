"""`/readyz` and the health page: what they say of the database and the node, and to whom."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from apps.health import selectors
from apps.health.database import database_checks
from apps.health.node import NodeWatch
from tests.support.control import Told, control_thread
from tests.support.panel import sql

WELL = {"name": "serving", "ok": True, "text": "it takes connections", "mend": ""}
LOCKED = {"name": "vault", "ok": False, "text": "locked: by hand", "mend": "alknet vault unlock"}


@pytest.fixture
def node(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A node that says what the test wants, where the panel looks for it."""
    path = tmp_path / "node.sock"
    monkeypatch.setattr(selectors, "REPORTS", selectors.Reports(NodeWatch(path)))
    with control_thread(path) as told:
        told.facts = {"health": [WELL], "index": {"position": newest()}}
        yield told


@pytest.fixture
def no_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "REPORTS", selectors.Reports(NodeWatch(tmp_path / "node.sock")))


def newest() -> int:
    found: int = sql("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '_honker_notifications'), 0)")[0][0]
    return found


def ask(client: Client, path: str = "/readyz") -> tuple[int, Any]:
    selectors.REPORTS.forget()
    answer = client.get(path)
    return answer.status_code, answer.json()


def by_name(answer: Any) -> dict[str, Any]:
    return {check["name"]: check for check in answer["checks"]}


def test_a_stranger_learns_the_names_of_what_fails_and_no_more(client: Client, node: Told) -> None:
    assert ask(client) == (200, {"ready": True, "failing": []})
    node.facts["health"] = [WELL, LOCKED]
    assert ask(client) == (503, {"ready": False, "failing": ["vault"]})
    assert ask(client, "/readyz/panel") == (200, {"ready": True, "failing": []})
    assert client.get("/readyz").headers["Cache-Control"].count("no-store")
    assert client.post("/readyz").status_code == 405


def test_whoever_is_signed_in_is_told_what_to_do(panel: Client, node: Told) -> None:
    node.facts["health"] = [WELL, LOCKED]
    status, answer = ask(panel)
    assert (status, by_name(answer)["vault"]) == (503, LOCKED)
    assert set(by_name(answer)) == {"database", "migrations", "triggers", "node", "serving", "vault", "lag"}


def test_a_user_who_may_not_see_the_panel_is_a_stranger(client: Client, node: Told, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("visitor"))
    assert "checks" not in ask(client)[1]


def test_the_node_is_missed(panel: Client, no_node: None) -> None:
    status, answer = ask(panel)
    assert (status, answer["failing"]) == (503, ["node"])
    told = by_name(answer)["node"]
    assert "has not answered since" in told["text"]
    assert "alknet up" in told["mend"]


def test_when_the_node_last_answered_is_told(panel: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "node.sock"
    monkeypatch.setattr(selectors, "REPORTS", selectors.Reports(NodeWatch(path)))
    with control_thread(path) as told:
        told.facts = {"health": [WELL], "index": {"position": None}}
        assert ask(panel)[0] == 200
    status, answer = ask(panel)
    assert (status, "it last answered" in by_name(answer)["node"]["text"]) == (503, True)


@pytest.mark.parametrize("facts", [{}, [], {"health": [1], "index": {"position": 1}}, {"health": [], "index": 7}])
def test_an_answer_of_another_version_is_a_finding(panel: Client, node: Told, facts: Any) -> None:
    node.facts = facts
    assert ask(panel)[1]["failing"] == ["node"]


def test_a_node_that_has_not_read_an_old_change_is_behind(panel: Client, node: Told, add_peer: Any) -> None:
    add_peer("laptop")
    status, answer = ask(panel)
    assert status == 200, "a change of this moment may not be read yet"
    assert by_name(answer)["lag"]["text"].startswith("1 changes are not read")
    sql("UPDATE _honker_notifications SET created_at = created_at - 60")
    assert ask(panel)[1]["failing"] == ["lag"]
    node.facts["index"]["position"] = newest()
    assert ask(panel)[0] == 200


def test_a_migration_that_is_not_applied_is_named(panel: Client, node: Told) -> None:
    MigrationRecorder(connection).record_unapplied("peers", "0001_initial")
    status, answer = ask(panel)
    assert (status, answer["failing"]) == (503, ["migrations"])
    assert "peers.0001_initial" in by_name(answer)["migrations"]["text"]


def test_a_trigger_that_is_gone_is_named(panel: Client, node: Told) -> None:
    sql("DROP TRIGGER alknet_notify_peers_update")
    status, answer = ask(panel)
    assert (status, answer["failing"]) == (503, ["triggers"])
    assert "alknet_notify_peers_update" in by_name(answer)["triggers"]["text"]


@pytest.mark.django_db
def test_a_database_that_cannot_be_written_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    sql("PRAGMA query_only = ON")
    try:
        monkeypatch.setattr("apps.health.database._write", lambda: sql("CREATE TABLE never (id)"))
        [check] = database_checks()
    finally:
        sql("PRAGMA query_only = OFF")
    assert (check.name, check.ok) == ("database", False)
    assert "readonly" in check.text
    assert "right to write" in check.mend


def test_a_check_leaves_the_wait_for_other_writers_as_it_was(panel: Client, node: Told) -> None:
    before = sql("PRAGMA busy_timeout")
    assert ask(panel)[0] == 200
    assert sql("PRAGMA busy_timeout") == before


def test_a_report_is_made_once_for_all_who_ask_in_a_second(panel: Client, node: Told) -> None:
    assert ask(panel)[0] == 200
    node.facts["health"] = [LOCKED]
    assert panel.get("/readyz").status_code == 200
    assert ask(panel)[0] == 503


def test_the_page_says_what_is_wrong_and_what_to_do(panel: Client, node: Told) -> None:
    selectors.REPORTS.forget()
    assert "Everything works." in panel.get("/health/").text
    node.facts["health"] = [WELL, LOCKED]
    selectors.REPORTS.forget()
    page = panel.get("/health/").text
    assert "Everything works." not in page
    assert page.index("Locked: by hand.") < page.index("What works") < page.index("It takes connections.")
    assert "What to do: alknet vault unlock." in page


@pytest.mark.django_db
def test_the_page_is_for_those_who_are_signed_in(client: Client) -> None:
    answer = client.get("/health/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=/health/")
