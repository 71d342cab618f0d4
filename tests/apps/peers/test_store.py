"""What the contract suite does not know of the Django store: its audit rows, and that its errors are the contract's."""

import pytest
from asgiref.sync import sync_to_async

from apps.peers.models import Peer
from apps.peers.store import DjangoIdentityStore
from node.core.errors import BackendError, NotFound
from node.core.identity import AuthToken, Identity
from node.core.peers import PeerEntry
from node.core.tokens import hash_token
from tests.support.panel import ALICE, audit, fingerprint

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_is_put_is_resolved_and_audited() -> None:
    store = DjangoIdentityStore(ALICE)
    entry = PeerEntry(
        "laptop", (fingerprint(1),), hash_token("a token"), ("x",), {"repo": ("web",)}, "Alice", enabled=True
    )
    await store.put_peer(entry)

    assert store.resolve_from_fingerprint(fingerprint(1)) == Identity("laptop", ("x",), {"repo": ("web",)})
    assert store.resolve_from_token(AuthToken(b"a token")) == entry.identity()
    assert await sync_to_async(lambda: Peer.objects.get().entry())() == entry
    assert await sync_to_async(audit)() == [("alice", "peer.added", "laptop")]


async def test_refusals_are_the_contracts_errors_and_write_nothing() -> None:
    store = DjangoIdentityStore()
    await store.put_peer(PeerEntry("a", (fingerprint(1),)))
    await store.put_peer(PeerEntry("b"))

    with pytest.raises(BackendError, match="“a”"):
        await store.put_peer(PeerEntry("c", (fingerprint(1),)))
    with pytest.raises(BackendError):
        await store.update_peer("b", PeerEntry("a"))
    with pytest.raises(BackendError):
        await store.put_peer(PeerEntry("c", scopes=("a b",)))
    with pytest.raises(NotFound):
        await store.update_peer("ghost", PeerEntry("ghost"))
    with pytest.raises(NotFound):
        await store.remove_peer("ghost")
    assert await sync_to_async(Peer.objects.count)() == 2
