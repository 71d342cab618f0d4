"""The panel's list of open connections: any of them is found, told of as the node has it now, and ended."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.activity.connection_pages import PAGE
from apps.activity.models import Connection
from tests.support.control import Told
from tests.support.happenings import BOOT, imported
from tests.support.journal_records import Story
from tests.support.panel import audit, text

CONNECTIONS = "/activity/connection/"


def shown(page: str) -> list[str]:
    """Whose connections a page lists."""
    return re.findall(r'aria-label="Cut the connection of (.+?) from', page)


def test_open_connections_are_listed_and_narrowed(panel: Client, running_node: None) -> None:
    story = Story()
    assert "Nobody is connected" in text(panel, CONNECTIONS)
    imported([story.connected(1, "desk"), story.connected(2, alpn="h3"), story.connected(3, "b"), story.closed(3)])

    def listed(**query: str) -> list[str]:
        return shown(text(panel, CONNECTIONS, **query))

    assert listed() == ["a stranger", "desk"]
    assert "192.0.2.2:4000" in text(panel, CONNECTIONS, alpn="h3")
    assert "192.0.2.1:4000" not in text(panel, CONNECTIONS, alpn="h3")
    assert listed(peer="desk") == ["desk"]
    assert listed(text="DES") == listed(text="192.0.2.1:4") == ["desk"]
    assert listed(text="ed25519") == ["a stranger", "desk"]
    assert listed(text="%") == listed(text="desk", alpn="h3") == []
    assert "No open connection is like that" in text(panel, CONNECTIONS, peer="nobody")
    assert "<html" not in text(panel, CONNECTIONS, part="")


def in_the_node(row: Connection, **other: Any) -> dict[str, Any]:
    """A connection as the node tells it."""
    facts = {"id": row.connection, "peer": row.peer_id, "fingerprint": row.fingerprint, "since": row.since.timestamp()}
    return facts | other


def test_any_of_many_connections_is_found_by_its_page(panel: Client, running_node: None) -> None:
    story = Story()
    imported(story.connected(number, f"peer-{number:03}") for number in range(1, 2 * PAGE + 4))
    names = [f"peer-{number:03}" for number in range(2 * PAGE + 3, 0, -1)]
    first = text(panel, CONNECTIONS)
    assert shown(first) == names[:PAGE]
    assert f"{2 * PAGE + 3} open, 1 to {PAGE} shown" in first
    assert 'href="?page=2"' in first
    assert shown(text(panel, CONNECTIONS, page=3)) == names[2 * PAGE :]
    narrowed = text(panel, CONNECTIONS, text="PEER", page="2")
    assert shown(narrowed) == names[PAGE : 2 * PAGE]
    assert re.findall(r'href="(\?text=PEER&amp;page=.)"', narrowed) == [
        "?text=PEER&amp;page=1",
        "?text=PEER&amp;page=3",
    ]
    assert 'data-live="/activity/connection/?part&amp;page=2&amp;text=PEER"' in narrowed

    for high in (4, 10**8):
        assert shown(text(panel, CONNECTIONS, page=high)) == names[2 * PAGE :]
    for nonsense in (0, -1, "x", "", "9" * 40, "\u0663"):
        assert shown(text(panel, CONNECTIONS, page=nonsense)) == names[:PAGE]


def test_a_cut_leads_back_to_where_it_was_made(panel: Client, node: Told) -> None:
    story = Story()
    imported(story.connected(number, "peer") for number in range(1, 2 * PAGE))
    page = text(panel, CONNECTIONS, text="pe", page=2)
    action = re.findall(r'formaction="([^"]+)"', page)[0].replace("&amp;", "&")
    assert panel.post(action)["Location"] == f"{CONNECTIONS}?text=pe&page=2"


def test_the_node_tells_what_a_connection_has_carried(panel: Client, node: Told) -> None:
    story = Story()
    imported([story.connected(number, name) for number, name in enumerate("abcd", 1)])
    rows = list(Connection.objects.order_by("connection"))
    node.live = [
        in_the_node(rows[0], bytes_received=812, bytes_sent=3200),
        in_the_node(rows[1], bytes_received=None, bytes_sent=None),
        in_the_node(rows[2], bytes_received=5, bytes_sent=5, since=0),
    ]
    page = text(panel, CONNECTIONS)
    assert re.findall(r"[\d.]+ \S+ in, \S+ \S+ out", page) == ["812 B in, 3.1 KiB out"]
    assert len(re.findall(r"</span>\d+ d( \d+ h)?</td>", page)) == 4, "since noon of a day long ago"
    node.live = [{"id": [1]}, {"id": None}]
    assert len(shown(text(panel, CONNECTIONS))) == 4


def cut(client: Client, boot: str = BOOT, number: int = 2, back: str = "") -> str:
    path = f"{CONNECTIONS}{boot}/{number}/cut/" + (f"?next={back}" if back else "")
    answer = client.post(path, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_connection_is_cut_by_the_node_and_leaves_an_audit_row(panel: Client, node: Told) -> None:
    story = Story()
    imported([story.connected(1, "a"), story.connected(2, "b")])
    node.live = [in_the_node(row) for row in Connection.objects.order_by("connection")]
    page = cut(panel)

    assert "The connection of “b” was cut" in page
    ((which, reason),) = node.asked
    assert (which.id, which.peer, reason) == (2, None, "disconnected by an administrator")
    assert audit() == [("admin", "connection.cut", "2")]
    assert "cut the connection" in text(panel, "/audit/auditentry/")


@pytest.mark.parametrize("other", [{"peer": "c"}, {"fingerprint": "ed25519:ff"}, {"since": 0}, {"id": 3}])
def test_of_another_life_of_the_node_a_connection_of_the_same_number_is_left_alone(
    panel: Client, node: Told, other: dict[str, Any]
) -> None:
    story = Story()
    imported([story.connected(2, "b")])
    node.live = [in_the_node(Connection.objects.get(), **other)]
    assert "had ended already" in cut(panel)
    assert node.asked == []
    assert audit() == []


def test_what_is_gone_or_unknown_is_not_cut(panel: Client, node: Told) -> None:
    imported([Story().connected(2, "b")])
    assert "has ended already" in cut(panel, number=3)
    assert "has ended already" in cut(panel, boot="b" * 16)
    assert panel.post(f"{CONNECTIONS}{BOOT}/{10**30}/cut/").status_code == 302
    assert node.asked == []


def test_a_node_that_does_not_answer_cuts_nothing_and_leaves_no_row(panel: Client, running_node: None) -> None:
    imported([Story().connected(2, "b")])
    page = cut(panel)
    assert "may be open still" in page
    assert audit() == []


def test_after_a_cut_the_page_of_the_button_is_shown_again_and_no_other_site(panel: Client, node: Told) -> None:
    imported([Story().connected(2, "b")])
    for back, where in (
        ("/activity/event/", "/activity/event/"),
        ("https://evil.example/", CONNECTIONS),
        ("//evil.example/", CONNECTIONS),
        ("/\\evil.example", CONNECTIONS),
        ("", CONNECTIONS),
    ):
        answer = panel.post(f"{CONNECTIONS}{BOOT}/2/cut/?next={back}")
        assert answer["Location"] == where, back


def test_a_cut_takes_a_token_of_the_page_and_a_post(admin_user: User, node: Told) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    imported([Story().connected(2, "b")])
    assert client.post(f"{CONNECTIONS}{BOOT}/2/cut/").status_code == 403
    assert client.get(f"{CONNECTIONS}{BOOT}/2/cut/").status_code == 405
    assert node.asked == []
