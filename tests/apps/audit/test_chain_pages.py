"""The panel's ways to verify, sign and export the log, and what its list says of the chain."""

import html
import re
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from apps.accounts.rights import Role
from apps.audit.admin import chain_pages
from apps.audit.checkpoints import LOCKED
from apps.panel.jobs import JOBS, Job
from tests.support.accounts import desk_of
from tests.support.audit_log import hashed_anew, holds_offline, of, replace_table, rows, write
from tests.support.vault_node import VaultNode
from tests.support.waiting import until

LIST, VERIFY, SIGN, EXPORT = (f"/audit/auditentry/{name}" for name in ("", "verify/", "sign/", "export/"))


def words(client: Client, path: str = LIST) -> str:
    """What a page says, in one line."""
    page = client.get(path).content.decode().split("<main")[-1]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def verify(client: Client) -> None:
    """Verify a log that one request can."""
    assert client.post(VERIFY)["Location"] == LIST


def verified_behind(client: Client) -> str:
    """Verify a longer one; the outcome."""
    job = JOBS.find(client.post(VERIFY)["Location"].split("/")[-2])
    assert job is not None
    until(lambda: not job.running, "the end of the verification")
    assert not job.failed
    return job.outcome


@pytest.fixture
def log(panel: Client) -> None:
    write(7)


def test_the_list_says_what_was_verified_and_what_came_since(panel: Client, log: None) -> None:
    assert "Verified not yet Signed not yet" in words(panel)
    verify(panel)
    page = words(panel)
    assert "Every row holds, up to 7." in page
    assert re.search(r"Verified up to row 7, on \S+ \S+ UTC Signed", page)
    write(2, since=7)
    assert re.search(r"Verified up to row 7, on \S+ \S+ UTC; 2 more since", words(panel))


@pytest.mark.django_db(transaction=True)
def test_a_long_log_is_verified_in_the_background(panel: Client, log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_pages, "STEP", 3)
    told = []
    monkeypatch.setattr(Job, "tell", lambda _, *facts: told.append(facts))
    assert verified_behind(panel) == "Every row holds, up to 7."
    assert told == [("rows that hold", 3, 7), ("rows that hold", 6, 7)]
    assert "Verified up to row 7" in words(panel)


@pytest.mark.django_db(transaction=True)
def test_what_is_wrong_is_found_in_the_background_too(
    panel: Client, log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_pages, "STEP", 3)
    links = rows.read_links(0, 10)
    replace_table([*links[:4], of(links[4], action="x.y"), *links[5:]])
    assert "Rows hold up to 4, and something is wrong" in verified_behind(panel)
    assert "tampered with at row 5 (edited)" in words(panel)


def test_what_is_wrong_stands_above_the_list_until_it_is_not(panel: Client, log: None) -> None:
    links = rows.read_links(0, 10)
    replace_table([*links[:4], of(links[4], actor_name="<script>"), *links[5:]])
    verify(panel)
    assert "The log was tampered with at row 5 (edited)." in words(panel)
    assert "Every row holds" not in words(panel)
    replace_table(hashed_anew(links))
    verify(panel)
    assert "tampered" not in words(panel)


@pytest.mark.django_db(transaction=True)
def test_the_node_signs_from_the_panel(panel: Client, log: None, node: VaultNode) -> None:
    node.tell("lock")
    panel.post(SIGN)
    assert f"Not signed: {LOCKED}" in words(panel)
    node.tell("unlock")
    panel.post(SIGN)
    page = words(panel)
    assert "The node has signed the log up to row 7." in page
    assert re.search(r"Signed up to row 7, on \S+ \S+ UTC by ed25519:", page)
    assert panel.get(SIGN).status_code == 405


@pytest.mark.django_db(transaction=True)
async def test_the_export_is_that_of_the_command(admin_user: User) -> None:
    await sync_to_async(write)(2500)
    client = AsyncClient()
    await client.aforce_login(admin_user)
    answer = await client.get(EXPORT)
    assert re.fullmatch(r'attachment; filename="alknet-audit-\d{8}-\d{6}\.ndjson"', answer["Content-Disposition"])
    text = "".join([part.decode() async for part in answer])  # type: ignore[attr-defined]
    assert text.count('"type": "row"') == (await sync_to_async(rows.head)())[0] >= 2500
    assert holds_offline(text.splitlines(keepends=True)), "the last line as well"


@pytest.mark.parametrize("path", [VERIFY, SIGN, EXPORT])
def test_who_may_not_see_the_log_may_do_nothing_with_it(log: None, path: str) -> None:
    viewer = desk_of(Role.VIEWER)
    assert viewer.post(path).status_code == 403
    assert viewer.get(path).status_code == 403


def test_an_auditor_verifies_and_is_offered_to_sign(log: None) -> None:
    auditor = desk_of(Role.AUDITOR)
    assert "Sign" in re.sub("Signed", "", words(auditor))
    verify(auditor)


def test_the_cost_of_the_list_does_not_grow_with_the_log(
    panel: Client, log: None, django_assert_max_num_queries: Callable[..., object]
) -> None:
    panel.get(LIST)
    with django_assert_max_num_queries(12):  # type: ignore[attr-defined]
        panel.get(LIST)
