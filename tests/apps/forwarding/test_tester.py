"""The tester says what the node would, and by which step."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django

from apps.forwarding import names, services
from apps.forwarding.errors import InvalidQuestion
from apps.forwarding.models import Rule
from apps.forwarding.names import NotResolved, addresses_of
from apps.forwarding.tester import Answer, answer, question
from apps.locks import services as locks
from apps.peers import services as peers
from node.core.peers import PeerEntry
from tests.support.panel import ALICE

AddPeer = Callable[..., PeerEntry]
ASKED = {"direction": "local", "transport": "quic"}


@pytest.fixture
def ann(add_peer: AddPeer) -> PeerEntry:
    return add_peer("ann", scopes=["ssh:forward:*:*", "team:db"])


def add(action: str, target: str, **wish: Any) -> Rule:
    return services.add_rule(actor=ALICE, action=action, target=target, **wish)


def ask(target: str, peer_id: str = "ann", **wish: Any) -> Answer:
    return answer(question(peer_id=peer_id, target=target, **ASKED | wish))


def test_the_rule_that_decides_is_told_with_every_step(ann: PeerEntry) -> None:
    deny, allow = add("deny", "10.0.0.0/8"), add("allow", "*.lan", principals=["team:db"])
    yes = ask("db.lan:5432", addresses=["192.0.2.1"])
    assert (yes.allowed, yes.rule, yes.addresses) == (True, allow, ("192.0.2.1",))
    assert [(step.step, step.allowed) for step in yes.steps] == [("caller", True), ("scope", True), ("rules", True)]
    no = ask("db.lan:5432", addresses=["192.0.2.1", "10.1.1.1"])
    assert (no.allowed, no.rule, no.text) == (False, deny, "10.0.0.0/8 covers db.lan:5432 (10.1.1.1)")
    nothing = ask("db.example.org:1", addresses=["192.0.2.1"])
    assert (nothing.allowed, nothing.rule) == (False, None)
    assert "no rule is about" in nothing.text


def test_both_a_rule_and_a_scope_are_needed(ann: PeerEntry) -> None:
    add("allow", "*")
    found = ask("127.0.0.1:8080", direction="remote")
    assert (found.allowed, found.steps[1].step, found.steps[1].allowed, found.steps[2].allowed) == (
        False,
        "scope",
        False,
        True,
    )
    assert "ssh:listen:127.0.0.1:8080" in found.text
    assert not ask("/run/app.sock").allowed
    assert ask("127.0.0.1:8080").allowed


def test_who_is_no_caller_gets_no_further_and_no_name_is_looked_up(
    ann: PeerEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.forwarding.tester.addresses_of", lambda _: pytest.fail("looked up"))
    add("allow", "*")
    assert ask("db.lan:1", "nobody").steps[-1].step == "caller"
    lock = locks.lock(actor=ALICE, target_kind="alpn", target="alknet/ssh", reason="")
    assert "alknet/ssh is locked" in ask("db.lan:1").text
    locks.unlock(actor=ALICE, lock_id=lock.lock_id)
    peers.set_peers_enabled(actor=ALICE, peer_ids=["ann"], enabled=False)
    assert "disabled" in ask("db.lan:1").text


def test_what_is_the_nodes_own_no_rule_gives_away(add_peer: AddPeer) -> None:
    add_peer("ann", scopes=["ssh:forward:*:*", "ssh:forward-unix:*"])
    add("allow", "*")
    assert "reserved" in ask("alknet-control:0").text
    assert "data directory" in ask(f"{django.PATHS.data.resolve()}/run/x").text
    assert ask("/run/x").allowed


def test_a_name_is_looked_up_and_one_that_has_no_address_is_refused(
    ann: PeerEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(host: str, *_: Any, **__: Any) -> list[Any]:
        if host == "db.lan":
            return [(socket.AF_INET, 1, 6, "", ("10.0.0.7", 0))] * 2
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", known)
    add("allow", "10.0.0.0/8")
    assert (ask("db.lan:1").allowed, ask("db.lan:1").addresses) == (True, ("10.0.0.7",))
    assert ask("web.lan:1").steps[-1].text == "web.lan has no address here"


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that answers when the test is over."""
    over = threading.Event()
    room = threading.BoundedSemaphore(2)
    monkeypatch.setattr(names, "_room", room)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60) and [])
    yield
    over.set()
    for _ in range(2):
        assert room.acquire(timeout=60)


def test_a_name_is_not_waited_for_longer_than_said_and_lookups_do_not_pile_up(stuck: None) -> None:
    for _ in range(2):
        with pytest.raises(NotResolved, match="could not be looked up within"):
            addresses_of("slow.lan", seconds=0.01)
    with pytest.raises(NotResolved, match="ask again"):
        addresses_of("slow.lan", seconds=60)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"peer_id": ""}, "peer_id"),
        ({"target": "db.lan"}, "target"),
        ({"target": "/run/../x"}, "target"),
        ({"direction": "up"}, "direction"),
        ({"transport": "udp"}, "transport"),
        ({"addresses": ["db.lan"]}, "addresses"),
        ({"addresses": ["10.0.0.1"] * 65}, "addresses"),
    ],
)
def test_a_question_that_is_none_is_refused(db: None, wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidQuestion) as refused:
        question(**{"peer_id": "ann", "target": "x:1"} | ASKED | wish)
    assert list(refused.value.errors) == [field]
