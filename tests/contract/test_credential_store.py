"""What every CredentialStore promises (spec core §9, vault §12; decision 15).

A write returns after its commit and does not promise that the next read sees it: reads wait.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.assembly.credentials import opener
from node.core.credentials import MAX_KEY_VERSION, MAX_PROVIDER, MAX_SALT, EncryptedData
from node.core.errors import BackendError
from node.core.repository import CredentialStore
from tests.support.eventually import eventually
from tests.support.stores import CREDENTIAL_STORES, CredentialStoreFactory
from tests.support.vaults import new_vault, sealed_by

SEALED = EncryptedData(2, bytes(range(32)), bytes(range(12)), b"\x00\xff" * 20)
OTHER = EncryptedData(3, b"", bytes(12), bytes(16))


@pytest.fixture(params=CREDENTIAL_STORES)
async def credential_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CredentialStore]:
    make: CredentialStoreFactory = request.param
    async with make(tmp_path) as store:
        yield store


async def test_an_empty_store_has_nothing(credential_store: CredentialStore) -> None:
    assert credential_store.get("openai") is None
    assert credential_store.list_providers() == ()


@pytest.mark.parametrize("provider", ["", " x", "\ud800", "a\x00b", "x" * 100_000])
async def test_reads_never_raise(credential_store: CredentialStore, provider: str) -> None:
    assert credential_store.get(provider) is None


@pytest.mark.parametrize("provider", ["", " x", "a\x00b", "x" * 100_000])
async def test_what_cannot_be_there_can_be_deleted(credential_store: CredentialStore, provider: str) -> None:
    await credential_store.delete(provider)


@pytest.mark.parametrize(
    "sealed",
    [
        SEALED,
        OTHER,
        EncryptedData(1, bytes(16), bytes(12), bytes(16)),
        EncryptedData(MAX_KEY_VERSION, bytes(MAX_SALT), b"\xff" * 12, bytes(1024 * 1024 + 16)),
    ],
    ids=["as the vault makes it", "without salt", "of the legacy version", "of the largest size"],
)
@pytest.mark.parametrize("provider", ["openai", "Ünï-cödé 'quoted\" ☃", "a" * MAX_PROVIDER, "snow\U0001f328"])
async def test_what_is_put_is_got_byte_for_byte(
    credential_store: CredentialStore, provider: str, sealed: EncryptedData
) -> None:
    await credential_store.put(provider, sealed)
    await eventually(lambda: credential_store.get(provider))
    assert credential_store.get(provider) == sealed
    assert credential_store.list_providers() == (provider,)


async def test_put_replaces_all_of_it(credential_store: CredentialStore) -> None:
    await credential_store.put("openai", SEALED)
    await credential_store.put("openai", OTHER)
    await eventually(lambda: credential_store.get("openai") == OTHER)
    assert credential_store.list_providers() == ("openai",)


async def test_the_same_again_is_no_error(credential_store: CredentialStore) -> None:
    await credential_store.put("openai", SEALED)
    await credential_store.put("openai", SEALED)
    await eventually(lambda: credential_store.get("openai") == SEALED)


async def test_each_provider_has_its_own(credential_store: CredentialStore) -> None:
    await credential_store.put("openai", SEALED)
    await credential_store.put("OpenAI", OTHER)
    await credential_store.put("github", OTHER)
    await eventually(lambda: len(credential_store.list_providers()) == 3)
    assert credential_store.list_providers() == ("OpenAI", "github", "openai")
    assert [credential_store.get(name) for name in ("openai", "OpenAI")] == [SEALED, OTHER]


async def test_a_deleted_credential_is_gone_and_can_come_again(credential_store: CredentialStore) -> None:
    await credential_store.put("openai", SEALED)
    await credential_store.put("github", SEALED)
    await credential_store.delete("openai")
    await eventually(lambda: credential_store.list_providers() == ("github",))
    assert credential_store.get("openai") is None
    await credential_store.put("openai", OTHER)
    await eventually(lambda: credential_store.get("openai") == OTHER)


async def test_what_is_not_there_can_be_deleted(credential_store: CredentialStore) -> None:
    await credential_store.delete("openai")
    await credential_store.delete("openai")
    assert credential_store.list_providers() == ()


@pytest.mark.parametrize("provider", ["", " padded", "two\nlines", "a\x00b", "\ud800", "x" * (MAX_PROVIDER + 1)])
async def test_a_name_that_nobody_could_read_is_refused(credential_store: CredentialStore, provider: str) -> None:
    with pytest.raises(BackendError, match="backend error: "):
        await credential_store.put(provider, SEALED)
    assert credential_store.list_providers() == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"key_version": 0},
        {"key_version": MAX_KEY_VERSION + 1},
        {"key_version": True},
        {"salt": bytes(MAX_SALT + 1)},
        {"salt": "text"},
        {"iv": bytes(11)},
        {"iv": bytes(13)},
        {"data": bytes(15)},
        {"data": None},
    ],
    ids=str,
)
async def test_what_nobody_could_read_is_refused_and_changes_nothing(
    credential_store: CredentialStore, changes: dict[str, Any]
) -> None:
    await credential_store.put("openai", SEALED)
    with pytest.raises(BackendError, match="backend error: "):
        await credential_store.put("openai", replace(SEALED, **changes))
    await eventually(lambda: credential_store.get("openai") == SEALED)


async def test_many_writes_at_once_all_happen(credential_store: CredentialStore) -> None:
    names = [f"provider {number:02}" for number in range(20)]
    await asyncio.gather(*(credential_store.put(name, SEALED) for name in names))
    await eventually(lambda: credential_store.list_providers() == tuple(names))


async def test_a_store_shows_no_sealed_byte_in_its_repr(credential_store: CredentialStore) -> None:
    await credential_store.put("openai", SEALED)
    await eventually(lambda: credential_store.get("openai"))
    assert SEALED.data.hex() not in repr(credential_store)
    assert repr(SEALED.data) not in repr(credential_store.get("openai"))


async def test_what_a_vault_sealed_opens_after_the_way_through_a_store(credential_store: CredentialStore) -> None:
    vault = new_vault()
    await credential_store.put("openai", sealed_by(vault, "sk-test-123"))
    await eventually(lambda: credential_store.get("openai"))
    stored = credential_store.get("openai")
    assert stored is not None
    assert b"sk-test-123" not in stored.data
    assert opener(vault)(stored) == "sk-test-123"


async def test_two_rows_that_are_swapped_still_open(credential_store: CredentialStore) -> None:
    """A blob is not bound to its provider: the format has no room for that (spec vault §10)."""
    vault = new_vault()
    one, two = sealed_by(vault, "one"), sealed_by(vault, "two")
    await credential_store.put("a", two)
    await credential_store.put("b", one)
    await eventually(lambda: len(credential_store.list_providers()) == 2)
    found = [credential_store.get(name) for name in ("a", "b")]
    assert [opener(vault)(sealed) for sealed in found if sealed is not None] == ["two", "one"]
