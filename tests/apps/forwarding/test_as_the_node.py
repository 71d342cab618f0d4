"""The tester's answer is what the node does: its own code is asked beside it, up to where it would dial or bind."""

import asyncio
import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django

from apps.access import selectors as access
from apps.forwarding import selectors, services
from apps.forwarding.tester import answer, question
from node.core.explain import Subject, SubjectKind, identity_of
from node.core.forwarding.policy import Direction, Transport
from node.core.forwarding.target import UnixTarget, read_target
from node.core.identity import Identity
from node.core.peers import PeerEntry
from node.handlers.ssh.forwarding import listen, reach
from node.handlers.ssh.forwarding.errors import Denied, Unreachable
from node.handlers.ssh.forwarding.gate import Gate
from node.handlers.ssh.forwarding.limits import ForwardingSettings
from node.handlers.ssh.forwarding.shared import Forwarding
from tests.support.panel import ALICE

AddPeer = Callable[..., PeerEntry]
TARGETS = ("*", "*", "db-*", "*.lan", "10.0.0.0/8", "127.0.0.0/8", "::1", "[fd00::/8]:20..30", "*:22", "0.0.0.0/0")
NAMES = {
    "db-1.lan": ["10.0.0.7"],
    "web.lan": ["192.0.2.1", "10.0.0.8"],
    "six.lan": ["fd00::7"],
    "nat.lan": ["64:ff9b::a00:7"],
    "localhost": ["127.0.0.1"],
    "gone.lan": [],
}
HOSTS = (*NAMES, "10.0.0.7", "[fd00::7]", "[::ffff:10.0.0.7]", "0.0.0.0", "", "[::]", "alknet-x", "0x7f.1")


class Dialled(Exception):
    """As far as the node is asked."""


class Asks:
    """What the node's code knows of a connection, and of what is judged."""

    def __init__(self, shared: Forwarding, identity: Identity | None, transport: Transport) -> None:
        self.shared, self._identity, self._transport = shared, identity, transport
        self.wish: Any = None
        self.accepted: Any = None

    @property
    def gate(self) -> Gate:
        return Gate(self.shared.policy.value, self._transport, self.shared.private)

    def current(self) -> Identity | None:
        return self._identity

    def denied(self, *_: Any) -> None:
        """Nobody is told."""


async def allows(asks: Any, asked: str, direction: Direction) -> bool:
    target = read_target(asked)
    local = direction == Direction.LOCAL
    try:
        if isinstance(target, UnixTarget):
            await (reach.reach_socket(asks, asks, asked) if local else listen.listen_on_socket(asks, asks, asked, ""))
        elif local:
            await reach.reach_host(asks, asks, target.host, target.port)
        else:
            await listen.listen_on_port(asks, asks, target.host, target.port)
    except Dialled:
        return True
    except (Denied, Unreachable):
        return False
    raise AssertionError(asked)


def dialled(*_: Any, **__: Any) -> Any:
    raise Dialled


def known(host: str, port: int | None, *_: Any, **__: Any) -> list[Any]:
    if found := NAMES.get(host, ["127.0.0.1"] if host.startswith("127.") else []):
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port or 0)) for one in found]
    raise socket.gaierror(socket.EAI_NONAME, "not known")


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A socket, a link to it, and one into the node's own directory; and nothing is dialled or bound."""
    monkeypatch.setattr(socket, "getaddrinfo", known)
    for place, name in ((reach, "dial"), (reach.Found, "connect"), (listen, "bind"), (listen.Spot, "bind")):
        monkeypatch.setattr(place, name, dialled)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.sock").touch()
    (tmp_path / "link").symlink_to(tmp_path / "app")
    private = django.PATHS.data.resolve()
    private.mkdir(parents=True, exist_ok=True)
    (private / "a.sock").touch()
    (tmp_path / "inside").symlink_to(private)
    return [str(tmp_path / name) for name in ("app/a.sock", "link/a.sock", "inside/a.sock")]


def make_rules(dice: random.Random, top: str) -> None:
    services.remove_rules(actor=ALICE, rule_ids=[row.pk for row in selectors.list_rules()])
    for _ in range(dice.randint(1, 4)):
        services.add_rule(
            actor=ALICE,
            action=dice.choice(("allow", "allow", "deny")),
            target=dice.choice((*TARGETS, f"{top}/app/*", f"{top}/link/*")),
            principals=dice.choice(([], [], ["ann"], ["team:db"])),
            transports=dice.choice(([], ["tcp"])),
            directions=dice.choice(([], ["local"], ["remote"])),
        )


@pytest.mark.parametrize("proxy", ["", "socks5h://127.0.0.1:9"])
def test_the_tester_answers_as_the_node_does(
    proxy: str, add_peer: AddPeer, paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = ForwardingSettings(proxy=proxy)
    monkeypatch.setattr(django, "ALKNET", django.ALKNET.model_copy(update={"forwarding": limits}))
    scopes = ["ssh:forward:*:*", "ssh:listen:*:*", "ssh:forward-unix:*", "ssh:listen-unix:*"]
    add_peer("ann", scopes=[*scopes, "team:db"])
    add_peer("bob", scopes=["ssh:forward:*:22", f"ssh:forward-unix:{paths[1]}", "ssh:listen:localhost:22"])
    dice, seen = random.Random(7), set()
    for _ in range(10):
        make_rules(dice, str(tmp_path))
        shared = Forwarding(selectors.current_policy(), limits, django.PATHS.data)
        for _ in range(30):
            peer, way, to = (
                dice.choice(("ann", "ann", "bob")),
                dice.choice(list(Transport)),
                dice.choice(list(Direction)),
            )
            asked = dice.choice((*(f"{host}:{dice.choice((22, 25, 30))}" for host in HOSTS), *paths * 3))
            said = answer(question(peer_id=peer, target=asked, direction=to.value, transport=way.value))
            does = asyncio.run(allows(Asks(shared, identity(peer), way), asked, to))
            assert said.allowed is does, (asked, to, way, said, list(map(str, selectors.list_rules())))
            seen.add((does, to, asked.startswith("/")))
    assert len(seen) == 8


def identity(peer: str) -> Identity | None:
    subject, now = Subject(SubjectKind.PEER, peer), 0.0
    return identity_of(subject, access.index_of(subject, now), access.held(now), now)
