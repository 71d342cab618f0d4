"""The panel's pages of what happens: what they say, to whom, and how many queries they take."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.rights import Role
from apps.activity.models import Event
from apps.activity.pages import MOST_NEW, PAGE, PART
from apps.health import selectors as health
from tests.support.accounts import desk_of
from tests.support.control import Told
from tests.support.happenings import BOOT, busy, imported
from tests.support.journal_records import NOON, Story
from tests.support.panel import text

EVENTS, ROWS = "/activity/event/", "/activity/event/rows/"
CONNECTIONS = "/activity/connection/"
AddPeer = Callable[..., Any]


def ids(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', page)]


def test_nothing_has_happened_yet_says_what_to_do(panel: Client) -> None:
    assert "Nothing has happened yet" in text(panel, EVENTS)
    assert "alknet up" in text(panel, CONNECTIONS), "the node does not run"


def test_an_event_is_told_in_words_with_its_time_zone_and_leads_to_its_peer(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    story = Story()
    imported(
        [
            story.connected(1, "laptop"),
            story.closed(
                1, "laptop", reason="closed", detail={"seconds": 75, "bytes_received": 10, "bytes_sent": 2048}
            ),
            story.connected(2, "gone"),
            story.tell("denied", 2, "gone", detail={"operation": "fs/read", "message": "needs fs:read"}),
        ]
    )
    page = text(panel, EVENTS)

    assert "Time (UTC)" in page
    assert "after 1 min 15 s, 10 B in and 2.0 KiB out" in page
    assert "fs/read, needs fs:read" in page
    assert 'href="/peers/peer/laptop/change/"' in page
    assert "/peers/peer/gone/" not in page, "a peer that is not there has no page"


def test_what_comes_from_outside_is_text(panel: Client) -> None:
    evil = '<script>alert("x")</script>'
    (event,) = imported([Story().tell("refused", 1, evil, alpn=evil, address=evil, reason=evil, detail={evil: evil})])
    for page in (text(panel, EVENTS), text(panel, ROWS, after=0), text(panel, f"{EVENTS}{event.pk}/")):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_filters_narrow_and_wrong_ones_are_told_at_their_field(panel: Client) -> None:
    story = Story()
    imported([story.connected(1, "a"), story.tell("refused", reason="no handler"), story.connected(2, "b", alpn="h3")])
    at = datetime.fromtimestamp(NOON, UTC)
    found = {
        "kind=refused": [2],
        "peer=a": [1],
        "alpn=h3": [3],
        "text=HANDL": [2],
        "text=192.0.2.2": [3],
        f"since={at + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S}": [3, 2],
        f"until={at + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S}": [1],
        "kind=refused&peer=a": [],
    }
    first = Event.objects.order_by("id").values_list("id", flat=True)[0] - 1
    for query, numbers in found.items():
        assert [number - first for number in ids(text(panel, f"{EVENTS}?{query}"))] == numbers, query
        assert [number - first for number in ids(text(panel, f"{ROWS}?after=0&{query}"))] == numbers, query

    for wrong in ("kind=nonsense", "since=nonsense", "text=" + "x" * 101, "until=9999999999999999"):
        page = text(panel, f"{EVENTS}?{wrong}")
        assert "not right" in page
        assert ids(page) == []
        assert panel.get(f"{ROWS}?{wrong}").status_code == 404


def test_older_pages_show_each_event_once_though_new_ones_come(panel: Client) -> None:
    story = Story()
    imported(story.tell("refused") for _ in range(2 * PAGE + 7))
    seen, address = [], EVENTS
    while address:
        page = text(panel, address)
        seen += ids(page)
        imported([story.tell("refused")])
        older = re.search(r'rel="next" href="(\?[^"]+)"', page)
        address = EVENTS + older[1].replace("&amp;", "&") if older else ""

    newest = seen[0]
    assert seen == list(range(newest, newest - (2 * PAGE + 7), -1))


@pytest.mark.parametrize("place", ["before=0", "before=x", "before=-1", "before=" + "9" * 30, "before=", "after=1"])
def test_a_place_that_is_nonsense_breaks_nothing(panel: Client, place: str) -> None:
    imported([Story().tell("refused")])
    assert panel.get(f"{EVENTS}?{place}").status_code == 200
    assert panel.get(f"{ROWS}?{place}").status_code == 200


def test_a_page_that_looks_again_gets_what_is_new_and_all_of_it_if_that_is_too_much(panel: Client) -> None:
    story = Story()
    (first,) = imported([story.tell("refused")])
    imported(story.tell("connected", number, "a") for number in range(3))
    page = text(panel, ROWS, after=first.pk)
    assert ids(page) == [first.pk + 3, first.pk + 2, first.pk + 1]
    assert "data-whole" not in page
    assert f'data-newest="{first.pk + 3}"' in page
    assert ids(text(panel, ROWS, after=first.pk, kind="refused")) == []

    imported(story.tell("refused") for _ in range(MOST_NEW))
    page = text(panel, ROWS, after=first.pk)
    assert "data-whole" in page
    assert len(ids(page)) == PAGE
    assert ids(text(panel, ROWS, after=first.pk, kind="connected")) == [first.pk + 3, first.pk + 2, first.pk + 1]
    assert "data-whole" in text(panel, ROWS, after=10**12), "a page from before a backup was restored"


def test_a_page_that_looks_again_is_given_what_is_new_in_parts_and_misses_none(panel: Client) -> None:
    story = Story()
    (first,) = imported([story.tell("refused")])
    new = imported(story.tell("refused") for _ in range(PART + 3))
    page = text(panel, ROWS, after=first.pk)
    assert "data-more" in page
    assert f'data-newest="{first.pk + PART}"' in page
    rest = text(panel, ROWS, after=first.pk + PART)
    assert "data-more" not in rest
    assert ids(rest) + ids(page) == [event.pk for event in reversed(new)]


def test_an_event_has_an_address_with_everything_that_is_known(panel: Client, running_node: None) -> None:
    story = Story()
    opened, denied, _ = imported(
        [
            story.connected(1, "laptop"),
            story.tell("denied", 1, "laptop", reason="no right", detail={"operation": "fs/read", "explanation": "why"}),
            story.tell("refused", reason="other"),
        ]
    )
    page = text(panel, f"{EVENTS}{denied.pk}/")
    for fact in ("no right", "fs/read", "why", BOOT, "journal", "Connection 1 is open", "Cut this connection"):
        assert fact in page, fact
    assert f'href="{EVENTS}{opened.pk}/"' in page
    assert "UTC" in page

    imported([story.closed(1, "laptop")])
    assert "not open any more" in text(panel, f"{EVENTS}{denied.pk}/")
    for number in (0, denied.pk + 100, 2**63, 10**30):
        assert "no event of this number" in text(panel, f"{EVENTS}{number}/")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_may_look_cuts_nothing(running_node: None, add_peer: AddPeer, role: Role) -> None:
    add_peer("laptop")
    (event, *_) = imported([Story().connected(2, "laptop")])
    desk = desk_of(role)
    for path in (EVENTS, f"{EVENTS}{event.pk}/", ROWS, CONNECTIONS, f"{CONNECTIONS}presence/", "/", "/now/"):
        assert desk.get(path).status_code == 200, path
    assert "Connected" in text(desk, "/peers/peer/laptop/change/")
    assert "Cut" not in text(desk, CONNECTIONS)
    assert desk.post(f"{CONNECTIONS}{BOOT}/2/cut/").status_code == 403


def test_of_no_peer_nothing_is_told(panel: Client) -> None:
    for query in ("", "?peer=", "?other=a"):
        assert panel.get(f"{CONNECTIONS}of-peer/{query}").status_code == 404


def test_nobody_else_sees_anything(client: Client, db: None) -> None:
    for path in (EVENTS, ROWS, f"{EVENTS}1/", CONNECTIONS, f"{CONNECTIONS}presence/", "/now/"):
        assert client.get(path).status_code == 302, path


def test_presence_is_words_and_a_sign(panel: Client, running_node: None, add_peer: AddPeer) -> None:
    for name in ("here", "twice", "away", "never"):
        add_peer(name)
    story = Story()
    imported([story.connected(1, "here"), story.connected(2, "twice"), story.connected(3, "twice")])
    imported([story.connected(4, "away"), story.closed(4, "away")])
    page = re.sub(r"<[^>]+>", "", text(panel, "/peers/peer/"))
    assert "Connected (2)" in page
    assert "Seen 2025-11-27 12:00 UTC" in page
    assert "Never seen" in page

    parts = text(panel, f"{CONNECTIONS}presence/?peer=away&peer=nobody&peer=here")
    assert re.findall(r'data-part="presence (\w+)"', parts) == ["away", "nobody", "here"]
    assert "It has not connected yet" in text(panel, "/peers/peer/never/change/")
    assert "Cut the connection of here" in text(panel, "/peers/peer/here/change/")


def test_the_dashboard_tells_of_now(panel: Client, node: Told) -> None:
    assert "Nothing was measured yet" in text(panel, "/")
    now = timezone.now().timestamp()
    story = Story(at=now - 30)
    imported(busy(story, 3, ["a", "b"]))
    for page in (text(panel, "/"), text(panel, "/now/")):
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
        assert "2 peers connected" in words
        assert "3 refused in an hour" in words
        assert "Last2.5 ms" in words.replace(" ", "").replace("ms", " ms")
        assert re.search(r'aria-label="Connections: 3 since \d\d:\d\d UTC, at most', page)
        assert 'aria-label="Peers connected: 2 now, at most 2 since' in page


def test_the_charts_show_an_hour_a_day_or_a_month(panel: Client, node: Told) -> None:
    ago = timezone.now() - timedelta(hours=20), timezone.now() - timedelta(days=20)
    for first, at in enumerate(reversed(ago)):
        imported([Story(first=first + 1, at=at.timestamp()).tell("refused")])
    refused = {"": "none", "?span=nonsense": "none", "?span=day": "1 since", "?span=month": "2 since"}
    for query, words in refused.items():
        for path in ("/", "/now/"):
            assert f'aria-label="Refusals: {words}' in text(panel, path + query), query
    page = text(panel, "/?span=day")
    assert re.findall(r'<a href="/\?span=(\w+)"[^>]*aria-current', page) == ["day"]
    assert 'data-live="/now/?span=day"' in page
    assert "refused in 24 hours" in page


# Where a peer's events are listed, each kind of event that there is costs two.
PAGES = [
    (EVENTS, 9),
    (f"{EVENTS}?kind=refused&text=handler&peer=a", 9),
    (f"{ROWS}?after=0", 8),
    (CONNECTIONS, 7),
    (f"{CONNECTIONS}presence/?peer=a&peer=b", 6),
    (f"{CONNECTIONS}of-peer/?peer=a", 18),
    ("/peers/peer/", 14),
    ("/peers/peer/a/change/", 23),
    ("/", 20),
    ("/now/", 16),
    ("/?span=month", 20),
]


@pytest.fixture
def still_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pages tell of health is asked once, and not anew where a second has passed."""
    monkeypatch.setattr(health, "FRESH_SECONDS", 3600.0)
    health.REPORTS.current()


@pytest.mark.parametrize(("path", "most"), PAGES)
def test_a_page_takes_as_many_queries_for_many_rows_as_for_few(
    panel: Client, node: Told, still_healthy: None, add_peer: AddPeer, path: str, most: int
) -> None:
    story = Story(at=timezone.now().timestamp() - 100)
    add_peer("a")
    imported(busy(story, 1, ["a"]))
    panel.get(path)
    few = queries(panel, path)
    for number in range(30):
        add_peer(f"peer{number}")
    imported(busy(story, 60, [f"peer{number}" for number in range(30)] + ["a"]))

    more = path == "/peers/peer/"  # of a list that is longer than a page, the names come first
    assert queries(panel, path) == few + more <= most


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as done:
        assert client.get(path).status_code == 200
    return len(done)


def test_the_page_of_an_event_takes_as_many_queries_however_long_its_connection_lived(
    panel: Client, still_healthy: None
) -> None:
    story = Story()
    (event, *_) = imported([story.connected(1, "a"), story.tell("denied", 1, "a")])
    few = queries(panel, f"{EVENTS}{event.pk}/")
    imported(story.tell("denied", 1, "a") for _ in range(300))
    assert queries(panel, f"{EVENTS}{event.pk}/") == few <= 10
