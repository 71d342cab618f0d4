"""Long work: one of a kind at a time, seen while it runs and after, and lost with honest words."""

import threading
from collections.abc import Iterator

import pytest
from django.test import Client

from apps.accounts.rights import Role
from apps.panel.jobs import JOBS, MAX_KEPT, Job, JobRefused, Jobs
from tests.support.accounts import desk_of
from tests.support.waiting import until


def job(kind: str = "import", **fields: str) -> Job:
    return Job(kind, "Import", **{"permission": "peers.view_peer", "then": "/peers/peer/", **fields})


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Work that waits for this event."""
    event = threading.Event()
    yield event
    event.set()


def over(one: Job) -> None:
    until(lambda: not one.running, "the end of the job")


def test_one_of_a_kind_runs_at_a_time(held: threading.Event) -> None:
    jobs = Jobs()

    def work(_: Job) -> str:
        held.wait(30)
        return "Done."

    first = jobs.begin(job(), work)
    assert jobs.begin(job(), work) is first
    other = jobs.begin(job("other"), work)
    assert (other is first, jobs.running("import"), jobs.running("other")) == (False, first, other)
    held.set()
    over(first)
    over(other)
    assert (first.outcome, first.failed, jobs.running("import")) == ("Done.", False, None)
    assert jobs.begin(job(), lambda _: "Again.") is not first


def test_a_job_that_gets_no_thread_has_failed_and_bars_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    jobs = Jobs()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        first = jobs.begin(job(), lambda _: "Done.")
    assert (first.running, first.failed, jobs.running("import")) == (False, True, None)
    second = jobs.begin(job(), lambda _: "Done.")
    over(second)
    assert (second is first, second.outcome) == (False, "Done.")


def test_what_is_refused_says_why_and_what_nobody_foresaw_does_not() -> None:
    def refuse(_: Job) -> str:
        raise JobRefused("The file is another by now.")

    def break_(_: Job) -> str:
        raise ValueError("a secret")

    refused, broken = Jobs().begin(job(), refuse), Jobs().begin(job(), break_)
    over(refused)
    over(broken)
    assert (refused.failed, refused.outcome) == (True, "The file is another by now.")
    assert (broken.failed, "secret" in broken.outcome) == (True, False)


def test_the_oldest_are_forgotten_and_those_that_run_are_not(held: threading.Event) -> None:
    jobs = Jobs()
    running = jobs.begin(job("long"), lambda _: str(held.wait(30)))
    made = []
    for n in range(MAX_KEPT + 5):
        made.append(jobs.begin(job(f"kind {n}"), lambda _: ""))
        over(made[-1])
    assert jobs.find(running.id) is running
    assert jobs.find(made[0].id) is None
    assert jobs.find(made[-1].id) is made[-1]
    assert sum(jobs.find(one.id) is not None for one in [running, *made]) == MAX_KEPT


def test_a_page_tells_how_far_it_is_and_how_it_ended(panel: Client, held: threading.Event) -> None:
    def work(one: Job) -> str:
        one.tell("writing", 300, 1000)
        held.wait(30)
        return "Imported <1000>."

    one = JOBS.begin(job(), work)
    until(lambda: one.done == 300, "its progress")
    page = panel.get(f"/jobs/{one.id}/").content.decode()
    assert "Writing: 300 of 1000" in page
    assert 'hx-trigger="every 1s"' in page
    held.set()
    over(one)
    page = panel.get(f"/jobs/{one.id}/").content.decode()
    assert "Imported &lt;1000&gt;." in page
    assert 'hx-trigger="every 1s"' not in page


def test_a_job_that_is_lost_says_so(panel: Client) -> None:
    assert panel.get("/jobs/gone/").status_code == 404
    answer = panel.get("/jobs/gone/", headers={"HX-Request": "true"})
    assert (answer.status_code, "not even in part" in answer.content.decode()) == (200, True)


def test_whoever_may_not_see_what_it_is_about_does_not_see_it(db: None) -> None:
    one = JOBS.begin(job(permission="auth.change_user"), lambda _: "x")
    over(one)
    desk = desk_of(Role.VIEWER)
    desk.raise_request_exception = False
    assert desk.get(f"/jobs/{one.id}/").status_code == 403
