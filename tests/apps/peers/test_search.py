"""A peer is found by whatever somebody has at hand of it."""

from collections.abc import Callable

import pytest

from apps.peers import services
from apps.peers.models import Peer
from apps.peers.search import matching, with_scope
from node.core.fingerprint import spellings
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, fingerprint, pem, ssh_line

AddPeer = Callable[..., PeerEntry]
CERTIFICATE = "SHA256:" + "ab" * 32


@pytest.fixture(autouse=True)
def _peers(add_peer: AddPeer) -> None:
    add_peer("laptop", display_name="Alice's laptop", scopes=["fs:read", "git:read"])
    add_peer("laptop-2", scopes=["fs:read:all"])
    services.set_peer_notes(actor=ALICE, peer_id="laptop-2", notes="On loan to Bob")
    add_peer("browser", keys=[fingerprint("b1"), CERTIFICATE])


def found(text: str) -> list[str]:
    return [peer.pk for peer in matching(Peer.objects.all(), text)]


def test_every_spelling_of_a_key_finds_its_peer() -> None:
    line, block = ssh_line("laptop"), pem("laptop")
    hashed = spellings(fingerprint("laptop")).openssh_fingerprint or ""
    texts = [fingerprint("laptop"), fingerprint("laptop").upper().replace("ED25519", "ed25519"), line]
    texts += [f"  {line} alice@home ", line.split()[1], block, block.splitlines()[1], hashed, hashed + "="]
    texts += [hashed.removeprefix("SHA256:"), hashed[:20], fingerprint("laptop")[10:30]]

    assert [found(text) for text in texts] == [["laptop"]] * len(texts)
    assert found(CERTIFICATE) == found("SHA256:" + "AB" * 32) == ["browser"]
    assert found(fingerprint("b1")) == ["browser"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["browser", "laptop", "laptop-2"]),
        ("LAPTOP", ["laptop", "laptop-2"]),
        ("alice", ["laptop"]),
        ("laptop git", ["laptop"]),
        ("git laptop-2", []),
        ("BOB loan", ["laptop-2"]),
        ("fs:read", ["laptop", "laptop-2"]),
        ("%", []),
        ("_aptop", []),
        ("ssh-ed25519 AAAA", []),
        ("SHA256:nothingofthekind", []),
        ("x " * 400, []),
    ],
)
def test_words(text: str, names: list[str]) -> None:
    assert found(text) == names


def test_a_scope_is_the_whole_scope() -> None:
    def having(scope: str) -> list[str]:
        return [peer.pk for peer in with_scope(Peer.objects.all(), scope)]

    assert having("fs:read") == ["laptop"]
    assert having("fs:read:all") == ["laptop-2"]
    assert having("FS:READ") == having("fs") == having('"') == []
