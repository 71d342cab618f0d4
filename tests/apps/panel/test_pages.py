"""The dashboard tells the truth, whatever lies in the data directory, and shows what its reader may see."""

import json
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.rights import Role
from node.core.peers import PeerEntry
from tests.support.accounts import desk_of
from tests.support.panel import fingerprint


@pytest.fixture
def ready_file() -> Iterator[Callable[[str], None]]:
    path = settings.PATHS.ready_file

    def write(text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    yield write
    path.unlink(missing_ok=True)


def test_an_empty_appliance_says_what_to_do_next(panel: Client) -> None:
    page = panel.get("/").content.decode()

    assert "Add the first peer" in page
    assert "/peers/peer/add/" in page


def test_it_counts(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    for number in range(3):
        add_peer(f"p{number}", enabled=number > 0)
    response = panel.get("/")

    counts = response.context["counts"]
    assert (counts.peers_enabled, counts.peers_disabled, counts.api_keys, counts.peers) == (2, 1, 0, 3)
    assert "Add the first peer" not in response.content.decode()
    assert [entry.object_id for entry in response.context["changes"]] == ["p2", "p1", "p0"]


def test_it_names_the_node_that_the_supervisor_told_of(panel: Client, ready_file: Callable[[str], None]) -> None:
    ready_file(json.dumps({"node_address": "192.0.2.7:4433", "node_fingerprint": fingerprint("node")}))
    page = panel.get("/").content.decode()

    assert "192.0.2.7:4433" in page
    assert fingerprint("node") in page


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", '{"node_address": 7, "node_fingerprint": []}', "[" * 9999])
def test_a_damaged_ready_file_is_no_node(panel: Client, ready_file: Callable[[str], None], text: str) -> None:
    ready_file(text)
    response = panel.get("/")

    assert response.status_code == 200
    assert response.context["node"] is None


def test_who_has_no_role_sees_nothing(add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("secret-name")
    page = desk_of(None).get("/", follow=True).content.decode()

    assert "secret-name" not in page
    assert "peers enabled" not in page
    assert "/audit/auditentry/" not in page


def test_a_viewer_sees_peers_and_no_changes(add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("secret-name")
    page = desk_of(Role.VIEWER).get("/").content.decode()

    assert "peers enabled" in page
    assert "secret-name" not in page
    assert "Add the first peer" not in page


PAGES = [
    "/peers/peer/",
    "/peers/apikey/",
    "/credentials/credential/",
    "/audit/auditentry/",
    "/auth/user/",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_side_bar_is_there(panel: Client, path: str) -> None:
    assert panel.get(path).status_code == 200
