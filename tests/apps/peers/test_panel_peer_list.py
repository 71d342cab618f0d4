"""The list of peers in the panel: switches, what it finds, and how it is narrowed and sorted."""

import time
from collections.abc import Callable

import pytest
from django.test import Client

from apps.peers import services
from apps.peers.digests import states_digest
from apps.peers.models import Peer
from apps.peers.selectors import get_states
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, audit, fingerprint, ssh_line, token_hash
from tests.support.peer_pages import LIST, changelist

AddPeer = Callable[..., PeerEntry]


def test_a_switch_in_the_list(panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    for name in ("a", "b", "c"):
        add_peer(name, scopes=[name])
    forget_audit()
    a, b, c = Peer.objects.all()
    panel.post(LIST, changelist(b, a, c, enabled=False))

    assert [row.enabled for row in Peer.objects.all()] == [True, False, True]
    assert [row.scopes for row in Peer.objects.all()] == [["a"], ["b"], ["c"]]
    assert audit() == [("admin", "peer.disabled", "b")]


def test_a_stale_list_writes_only_the_switch_that_was_flipped(
    panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]
) -> None:
    for name in ("a", "b"):
        add_peer(name)
    a, b = Peer.objects.all()
    page = panel.get(LIST).content.decode()
    assert 'name="initial-form-0-enabled" value="True"' in page
    services.set_peers_enabled(actor=ALICE, peer_ids=["a"], enabled=False)
    forget_audit()
    panel.post(LIST, changelist(b, a, enabled=False))

    assert [row.enabled for row in Peer.objects.all()] == [False, False]
    assert audit() == [("admin", "peer.disabled", "b")]


@pytest.mark.parametrize("term", ["lap", "Alice", "fs:read", fingerprint("laptop")[:20], ssh_line("laptop")])
def test_the_list_finds_by_name_scope_and_any_spelling_of_a_key(panel: Client, add_peer: AddPeer, term: str) -> None:
    add_peer("laptop", display_name="Alice", scopes=["fs:read"])
    add_peer("other")

    found = panel.get(LIST, {"q": term}).context["cl"].queryset
    assert [row.pk for row in found] == ["laptop"]


@pytest.mark.parametrize(
    ("column", "key"), [("1", "name"), ("-1", "name"), ("5", "scopes"), ("-5.1", "scopes"), ("6", "token")]
)
def test_pages_of_a_sorted_list_make_the_list(panel: Client, add_peer: AddPeer, column: str, key: str) -> None:
    for number in range(30):
        token = token_hash(f"{number}") if number % 2 else None
        add_peer(f"p{number * 7 % 30:02}", scopes=[f"s{n}" for n in range(number % 4)], auth_token_hash=token)
    shown = [row for page in (1, 2) for row in panel.get(LIST, {"o": column, "p": page}).context["cl"].result_list]

    keys = {
        "name": lambda row: row.pk,
        "scopes": lambda row: len(row.scopes),
        "token": lambda row: row.auth_token_hash or "",
    }
    assert len({row.pk for row in shown}) == 30
    told = [keys[key](row) for row in shown]
    assert told == sorted(told, reverse=column.startswith("-"))


def test_the_list_filters_and_sorts(panel: Client, add_peer: AddPeer) -> None:
    add_peer("a", enabled=False, scopes=["x", "y"])
    add_peer("b", auth_token_hash=token_hash("b"), scopes=["x"])
    add_peer("c")

    def listed(**query: str) -> list[str]:
        return [row.pk for row in panel.get(LIST, query).context["cl"].queryset]

    assert listed(enabled__exact="0") == ["a"]
    assert listed(token="set") == ["b"]
    assert listed(token="none") == ["a", "c"]
    assert listed(o="-5")[0] == "a"


def test_a_peer_that_is_gone_meanwhile_is_a_message(
    panel: Client, add_peer: AddPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_peer("a")
    from apps.peers.errors import Absent

    def gone(**_: object) -> int:
        raise Absent("peer", "a")

    monkeypatch.setattr(services, "set_peers_enabled", gone)
    shown = states_digest(get_states(["a"]))
    sent = {"action": "disable_peers", "_selected_action": ["a"], "post": "yes", "digest": shown}
    response = panel.post(LIST, sent, follow=True)
    assert "Nothing was changed" in response.content.decode()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("soon", ["b"]), ("expired", ["a"]), ("set", ["a", "b", "c"]), ("key", ["d"]), ("junk", ["a", "b", "c", "d"])],
)
def test_the_list_is_filtered_by_expiry(panel: Client, add_peer: AddPeer, wanted: str, found: list[str]) -> None:
    ends = {"a": 5.0, "b": time.time() + 86_400, "c": 4_000_000_000.0}
    for name in "abcd":
        add_peer(name)
    for name, end in ends.items():
        services.set_peer_expiry(actor=ALICE, peer_id=name, expires_at=end)
    services.set_key_expiry(actor=ALICE, peer_id="d", key=fingerprint("d"), expires_at=5.0)
    page = panel.get(LIST, {"expiry": wanted})
    rows = page.context["cl"].result_list if page.status_code == 200 else panel.get(LIST).context["cl"].result_list
    assert [row.pk for row in rows] == found
