"""An import and an act on very many: in the background, all or nothing, and one at a time."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from apps.panel.jobs import JOBS, Job
from apps.peers import services
from apps.peers.admin import bulk, files
from apps.peers.services import batches
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, audit, draft, rows
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

PAGE, LIST = "/peers/peer/files/", "/peers/peer/"
FILE = b"peer_id,scopes\n" + b"".join(f"p{n},git:read\n".encode() for n in range(3))


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (files, bulk):
        monkeypatch.setattr(module, "MANY", 2)
    yield
    until(lambda: not JOBS.running("import") and not JOBS.running("bulk act"), "the end of every job")


def agreed(panel: Client, data: bytes = FILE) -> dict[str, str]:
    """What the page of the plan sends on."""
    page = panel.post(PAGE, {"file": SimpleUploadedFile("peers.csv", data)}).content.decode()
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def ended(answer: Any) -> Job:
    """The job to whose page an answer leads, once it has ended."""
    job = JOBS.find(answer["Location"].split("/")[-2])
    assert job is not None
    until(lambda: not job.running, "the end of the job")
    return job


def test_an_import_of_many_goes_on_by_itself(panel: Client) -> None:
    answer = panel.post(PAGE, agreed(panel))
    job = ended(answer)
    assert (job.failed, job.outcome) == (False, "Imported: 3 added.")
    assert set(rows()) == {"p0", "p1", "p2"}
    assert [(who, what) for who, what, _ in audit()] == [("admin", "peer.added")] * 3
    assert "Imported: 3 added." in panel.get(answer["Location"]).content.decode()


def test_what_changed_in_between_is_not_imported(panel: Client) -> None:
    sent = agreed(panel)
    services.create_peer(actor=ALICE, draft=draft("p1"))
    before = rows()
    job = ended(panel.post(PAGE, sent))
    assert (job.failed, rows()) == (True, before)
    assert "Nothing was done" in job.outcome


def test_an_import_that_breaks_half_way_leaves_nothing(panel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = agreed(panel)

    def told(step: str, done: int = 0, of: int = 0) -> None:
        if step == "writing the list of changes":
            assert connection.in_atomic_block
            raise RuntimeError("cut off")

    monkeypatch.setattr(Job, "tell", lambda _, *facts: told(*facts))
    job = ended(panel.post(PAGE, sent))
    assert (job.failed, rows(), audit()) == (True, {}, [])


def test_a_second_import_is_not_begun_while_one_runs(panel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = agreed(panel)
    with connection.cursor() as cursor:  # the import waits for the write lock, which this transaction has
        cursor.execute("BEGIN IMMEDIATE")
        try:
            first = panel_job(sent)
            assert JOBS.running("import") is first
            assert f"/jobs/{first.id}/" in panel.get(PAGE).content.decode()
            assert panel.post(PAGE, sent)["Location"] == f"/jobs/{first.id}/"
        finally:
            cursor.execute("ROLLBACK")
    until(lambda: not first.running, "the end of the import")
    assert first.outcome == "Imported: 3 added."


def panel_job(sent: dict[str, str]) -> Job:
    """An import that was confirmed, begun as the page does, without a session that would have to be written."""
    from apps.peers.portable.carried import unpack
    from apps.peers.portable.formats import Format, read

    parsed = list(read(Format.CSV, unpack(sent["packed"])))
    wish = files._Wish(Format.CSV, b"", replace=False, agreed=sent["agreed"])
    job = Job("import", "Import", "peers.view_peer", LIST)
    return JOBS.begin(job, lambda one: files._import(one, ALICE, wish, parsed))


def test_long_work_tells_how_much_of_how_much_is_done(panel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SIZE", 2)
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(Job, "tell", lambda _, *facts: told.append(facts))
    ended(panel.post(PAGE, agreed(panel)))
    told = [facts for facts in told if facts[2]]
    assert told == [
        (step, done, 3) for step in ("comparing with the peers that there are", "writing peers") for done in (0, 2)
    ]
    told.clear()
    for act, step in (
        ("disable_peers", "writing peers"),
        ("lock_selected", "writing locks"),
        ("delete_selected", "removing peers"),
    ):
        told.clear()
        sent = {"action": act, "_selected_action": ["p0", "p1", "p2"], "lasts": ""}
        digest = re.search(r'name="digest" value="([^"]+)"', panel.post(LIST, sent).content.decode())
        assert digest is not None
        ended(panel.post(LIST, {**sent, "post": "yes", "digest": digest[1]}))
        assert told == [(step, 0, 3), (step, 2, 3)], act


def test_an_act_on_many_goes_on_by_itself(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    for name in ("a", "b", "c"):
        add_peer(name)
    chosen = {"action": "disable_peers", "_selected_action": ["a", "b", "c"]}
    digest = re.search(r'name="digest" value="([^"]+)"', panel.post(LIST, chosen).content.decode())
    assert digest is not None
    job = ended(panel.post(LIST, {**chosen, "post": "yes", "digest": digest[1]}))
    assert (job.failed, job.outcome) == (False, "Disabled 3 peers.")
    assert [row["enabled"] for row in rows().values()] == [False] * 3
