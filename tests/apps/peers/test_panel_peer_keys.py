"""Keys and tokens on the page of a peer."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from apps.peers import services
from apps.peers.models import Peer
from apps.peers.selectors import get_state
from node.core.peers import PeerEntry
from node.core.tokens import hash_token
from tests.support.panel import ALICE, audit, fingerprint, ssh_line, token_hash
from tests.support.peer_pages import change

AddPeer = Callable[..., PeerEntry]


def test_a_token_is_shown_once_on_the_answer_to_a_post(
    panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]
) -> None:
    add_peer("laptop")
    forget_audit()
    url = reverse("admin:peers_peer_issue_token", args=["laptop"])
    panel.get(url)
    assert Peer.objects.get().auth_token_hash is None, "looking makes nothing"

    response = panel.post(url)
    token = response.context["secret"]
    assert token in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert Peer.objects.get().auth_token_hash == hash_token(token)
    assert token not in panel.get(change("laptop")).content.decode()
    assert token not in str(dict(panel.session.items()))
    assert audit() == [("admin", "peer.token_issued", "laptop")]


def test_a_token_is_taken_away(panel: Client, add_peer: AddPeer, forget_audit: Callable[[], None]) -> None:
    add_peer("laptop", auth_token_hash=token_hash("t"))
    forget_audit()
    panel.post(reverse("admin:peers_peer_clear_token", args=["laptop"]))

    assert Peer.objects.get().auth_token_hash is None
    assert audit() == [("admin", "peer.token_cleared", "laptop")]


def test_a_key_is_shown_in_every_spelling(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    page = panel.get(change("laptop")).content.decode()

    assert fingerprint("laptop") in page
    assert ssh_line("laptop").split()[1] in page
    assert "BEGIN PUBLIC KEY" in page


def test_a_key_is_rotated_on_its_page(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    url = reverse("admin:peers_peer_rotate_key", args=["laptop"])
    assert fingerprint("laptop") in panel.get(url).content.decode()
    typed = {"old": fingerprint("laptop"), "new": "no key", "overlap": "3600"}
    assert "new" in panel.post(url, typed).context["form"].errors
    assert panel.post(url, typed | {"new": ssh_line(2)}).status_code == 302
    state = get_state("laptop")
    assert state.entry.fingerprints == (fingerprint("laptop"), fingerprint(2))
    assert state.terms.key_expires_at.keys() == {fingerprint("laptop")}
    assert audit()[-1] == ("admin", "peer.key_rotated", "laptop")
    assert "Ends" in panel.get(change("laptop")).content.decode()


def test_a_peer_without_a_key_that_holds_has_none_to_rotate(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    services.set_key_expiry(actor=ALICE, peer_id="laptop", key=fingerprint("laptop"), expires_at=5.0)
    url = reverse("admin:peers_peer_rotate_key", args=["laptop"])
    assert "has no key that holds" in panel.get(url).content.decode()
