"""What every IdentityStore promises (spec core §8, §9; decisions 7, 8, 15).

A write returns after its commit and does not promise that the next read sees it: reads wait.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.core.errors import BackendError, NotFound
from node.core.identity import AuthToken, Identity
from node.core.peers import MAX_SCOPES, PeerEntry
from node.core.repository import IdentityStore
from node.core.tokens import hash_token
from tests.support.eventually import eventually
from tests.support.stores import STORES, StoreFactory

KEYS = [f"ed25519:{number:064x}" for number in range(4)]
CERTIFICATE = f"SHA256:{9:064x}"
TOKEN = AuthToken(b"a token")
ANN = PeerEntry(
    "ann",
    (KEYS[0], CERTIFICATE),
    hash_token("a token"),
    ("call:echo", "ssh:shell"),
    {"repo": ("web", "docs"), "none": ()},
    "Ann’s laptop",
)
BOB = PeerEntry("bob", (KEYS[1],))


@pytest.fixture(params=STORES)
async def identity_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[IdentityStore]:
    make: StoreFactory = request.param
    async with make(tmp_path) as store:
        yield store


def holder(store: IdentityStore, key: str) -> str | None:
    identity = store.resolve_from_fingerprint(key)
    return identity and identity.id


async def test_an_empty_store_knows_nobody(identity_store: IdentityStore) -> None:
    assert identity_store.resolve_from_fingerprint(KEYS[0]) is None
    assert identity_store.resolve_from_token(TOKEN) is None


@pytest.mark.parametrize("fingerprint", ["", "junk", "ED25519:" + "0" * 64, "\ud800", "x" * 100_000])
@pytest.mark.parametrize("token", [b"", b"\xff\xfe", b"alk_", b"\x00" * 100_000])
async def test_reads_never_raise(identity_store: IdentityStore, fingerprint: str, token: bytes) -> None:
    assert identity_store.resolve_from_fingerprint(fingerprint) is None
    assert identity_store.resolve_from_token(AuthToken(token)) is None


async def test_a_peer_is_known_by_each_of_its_keys_and_its_token(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await eventually(lambda: holder(identity_store, KEYS[0]))
    expected = Identity("ann", ("call:echo", "ssh:shell"), {"repo": ("web", "docs"), "none": ()})
    assert identity_store.resolve_from_fingerprint(KEYS[0]) == expected
    assert identity_store.resolve_from_fingerprint(CERTIFICATE) == expected
    assert identity_store.resolve_from_token(TOKEN) == expected
    assert identity_store.resolve_from_token(AuthToken(b"another")) is None


async def test_put_replaces_the_whole_entry(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await identity_store.put_peer(PeerEntry("ann", (KEYS[2],)))
    await eventually(lambda: holder(identity_store, KEYS[2]))
    assert identity_store.resolve_from_fingerprint(KEYS[2]) == Identity("ann")
    assert identity_store.resolve_from_fingerprint(KEYS[0]) is None
    assert identity_store.resolve_from_token(TOKEN) is None


async def test_a_disabled_peer_resolves_by_no_path(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await eventually(lambda: holder(identity_store, KEYS[0]))
    await identity_store.put_peer(replace(ANN, enabled=False))
    await eventually(lambda: holder(identity_store, KEYS[0]) is None)
    assert identity_store.resolve_from_fingerprint(CERTIFICATE) is None
    assert identity_store.resolve_from_token(TOKEN) is None
    await identity_store.put_peer(ANN)
    await eventually(lambda: identity_store.resolve_from_token(TOKEN))


async def test_update_replaces_an_entry_that_exists(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await identity_store.update_peer("ann", replace(ANN, scopes=()))
    await eventually(lambda: identity_store.resolve_from_fingerprint(KEYS[0]) == Identity("ann", (), ANN.resources))


async def test_update_under_another_name_renames(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await identity_store.update_peer("ann", replace(ANN, peer_id="anna", scopes=("new",)))
    await eventually(lambda: holder(identity_store, KEYS[0]) == "anna")
    assert identity_store.resolve_from_token(TOKEN) == Identity("anna", ("new",), ANN.resources)
    with pytest.raises(NotFound):
        await identity_store.remove_peer("ann")


async def test_a_rename_onto_another_peer_is_refused_and_changes_neither(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await identity_store.put_peer(BOB)
    with pytest.raises(BackendError):
        await identity_store.update_peer("ann", replace(ANN, peer_id="bob"))
    await eventually(lambda: holder(identity_store, KEYS[1]))
    assert (holder(identity_store, KEYS[0]), holder(identity_store, KEYS[1])) == ("ann", "bob")


async def test_a_rename_whose_entry_is_refused_renames_nothing(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await identity_store.put_peer(BOB)
    with pytest.raises(BackendError):
        await identity_store.update_peer("ann", PeerEntry("anna", BOB.fingerprints))
    await identity_store.put_peer(PeerEntry("cyd", (KEYS[3],)))
    await eventually(lambda: holder(identity_store, KEYS[3]))
    assert (holder(identity_store, KEYS[0]), holder(identity_store, KEYS[1])) == ("ann", "bob")


async def test_a_removed_peer_is_gone(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await eventually(lambda: holder(identity_store, KEYS[0]))
    await identity_store.remove_peer("ann")
    await eventually(lambda: holder(identity_store, KEYS[0]) is None)
    assert identity_store.resolve_from_token(TOKEN) is None


async def test_what_is_not_there_cannot_be_updated_or_removed(identity_store: IdentityStore) -> None:
    with pytest.raises(NotFound, match=r"not found: .*ghost"):
        await identity_store.update_peer("ghost", PeerEntry("ghost"))
    with pytest.raises(NotFound, match=r"not found: .*ghost"):
        await identity_store.remove_peer("ghost")


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_key_or_token_of_another_peer_is_refused(identity_store: IdentityStore, enabled: bool) -> None:
    await identity_store.put_peer(replace(ANN, enabled=enabled))
    await identity_store.put_peer(BOB)
    for thief in (PeerEntry("bob", (KEYS[1], KEYS[0])), PeerEntry("bob", (KEYS[1],), ANN.auth_token_hash)):
        with pytest.raises(BackendError, match="backend error: "):
            await identity_store.put_peer(thief)
        with pytest.raises(BackendError, match="backend error: "):
            await identity_store.update_peer("bob", thief)
        with pytest.raises(BackendError, match="backend error: "):
            await identity_store.put_peer(replace(thief, peer_id="cyd"))
    await eventually(lambda: holder(identity_store, KEYS[1]) == "bob")
    assert holder(identity_store, KEYS[0]) == ("ann" if enabled else None)


async def test_a_key_can_pass_from_one_peer_to_the_next(identity_store: IdentityStore) -> None:
    await identity_store.put_peer(ANN)
    await identity_store.put_peer(replace(ANN, fingerprints=(), auth_token_hash=None))
    await identity_store.put_peer(PeerEntry("bob", ANN.fingerprints, ANN.auth_token_hash))
    await eventually(lambda: holder(identity_store, KEYS[0]) == "bob")
    assert identity_store.resolve_from_token(TOKEN) == Identity("bob")


@pytest.mark.parametrize(
    "wrong",
    [
        PeerEntry(""),
        PeerEntry("two\nlines"),
        PeerEntry("x", ("ed25519:00",)),
        PeerEntry("x", auth_token_hash="a token"),
        PeerEntry("x", scopes=("two words",)),
        PeerEntry("x", scopes=tuple(f"s{number}" for number in range(MAX_SCOPES + 1))),
        PeerEntry("x", resources={"": ("web",)}),
        PeerEntry("x", resources={"repo": "web"}),  # type: ignore[dict-item]  # the mistake under test
    ],
)
async def test_an_entry_that_nobody_could_read_is_refused(identity_store: IdentityStore, wrong: PeerEntry) -> None:
    with pytest.raises(BackendError):
        await identity_store.put_peer(wrong)


async def test_many_writes_at_once_all_happen(identity_store: IdentityStore) -> None:
    peers = [PeerEntry(f"peer {number}", (f"ed25519:{number + 100:064x}",)) for number in range(20)]
    await asyncio.gather(*(identity_store.put_peer(peer) for peer in peers))
    for peer in peers:
        await eventually(lambda peer=peer: holder(identity_store, peer.fingerprints[0]) == peer.peer_id)


async def test_of_two_writers_of_one_key_one_is_refused(identity_store: IdentityStore) -> None:
    thieves = [PeerEntry(name, (KEYS[0],)) for name in ("ann", "bob", "cyd")]
    results = await asyncio.gather(*(identity_store.put_peer(peer) for peer in thieves), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["BackendError", "BackendError", "NoneType"]
    await eventually(lambda: holder(identity_store, KEYS[0]) == thieves[results.index(None)].peer_id)
