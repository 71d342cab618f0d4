"""Handlers have what the settings name, opened by a real vault, and no longer than they may."""

import gc
import logging
from types import FunctionType, ModuleType
from typing import Any

import pytest

from node.assembly.credentials import opener
from node.core.capabilities import NO_CAPABILITIES, Capabilities, SecretWiped
from node.core.credential_index import InMemoryCredentialStore
from node.core.credentials import EncryptedData
from node.core.live import Live
from node.core.locks import Lock, LockKind
from node.opened import LockOn, Named, OpenedCredentials
from node.vault import VaultService
from tests.support.vaults import new_vault, sealed_by

CALL = "alknet/call"
OTHER = "alknet/other"


class Box:
    """A store, a vault and settings, with what is open for two protocols; it counts what is opened."""

    def __init__(self, lock_on: LockOn = lambda _: None, named: Named | None = None) -> None:
        self.store = InMemoryCredentialStore()
        self.vault = new_vault()
        self.named: Live[Named] = Live({CALL: ("openai", "github")} if named is None else named)
        self.opened_blobs: list[EncryptedData] = []
        self._open = opener(self.vault)
        self.opened = OpenedCredentials(self.store, self.named, self.open_counting, self.vault.is_unlocked, lock_on)
        self.call = self.opened.capabilities(CALL)
        self.other = self.opened.capabilities(OTHER)

    def open_counting(self, sealed: EncryptedData) -> str:
        self.opened_blobs.append(sealed)
        return self._open(sealed)

    async def put(self, provider: str, text: str, key_version: int = 2) -> None:
        await self.store.put(provider, sealed_by(self.vault, text, key_version))

    def name(self, named: Named) -> None:
        self.named.value = named
        self.opened.refresh()


@pytest.fixture
def box() -> Box:
    return Box()


def has(live: Live[Capabilities], *providers: str) -> list[str | None]:
    found = [live.value.get(provider) for provider in providers]
    return [secret and secret.expose_secret() for secret in found]


async def test_a_handler_has_what_is_named_for_it_and_nothing_else(box: Box) -> None:
    for provider in ("openai", "github", "gitlab"):
        await box.put(provider, f"key of {provider}")
    assert has(box.call, "openai", "github", "gitlab") == ["key of openai", "key of github", None]
    assert len(box.call.value) == 2
    assert box.other.value is NO_CAPABILITIES
    assert len(box.opened_blobs) == 2, "what nobody may use is not opened"


async def test_the_settings_are_followed(box: Box) -> None:
    await box.put("openai", "a")
    await box.put("github", "b")
    box.name({CALL: ("github",), OTHER: ("openai",)})
    assert has(box.call, "openai", "github") == [None, "b"]
    assert has(box.other, "openai", "github") == ["a", None]
    box.name({})
    assert (len(box.call.value), len(box.other.value)) == (0, 0)
    assert len(box.opened_blobs) == 2


async def test_only_what_changed_is_opened_again(box: Box) -> None:
    await box.put("openai", "a")
    await box.put("github", "b")
    held = box.call.value.get("github")
    box.opened_blobs.clear()
    await box.put("openai", "c")
    await box.put("gitlab", "d")
    box.opened.refresh()
    assert box.opened_blobs == [box.store.get("openai")]
    assert has(box.call, "openai") == ["c"]
    assert box.call.value.get("github") is held


async def test_the_same_content_sealed_anew_changes_nothing_for_anybody(box: Box) -> None:
    await box.put("openai", "a")
    before, secret = box.call.value, box.call.value.get("openai")
    await box.put("openai", "a", key_version=3)
    assert len(box.opened_blobs) == 2
    assert box.call.value is before
    assert box.call.value.get("openai") is secret
    assert has(box.call, "openai") == ["a"]


async def test_what_is_replaced_stays_with_the_call_that_has_it_and_is_wiped_at_its_end(box: Box) -> None:
    await box.put("openai", "old")
    of_a_call = box.call.value
    secret = of_a_call.get("openai")
    assert secret is not None
    raw = secret._raw
    await box.put("openai", "new")
    assert secret.expose_secret() == "old"
    assert has(box.call, "openai") == ["new"]
    del secret, of_a_call
    assert raw == bytes(3)


async def test_what_is_removed_is_taken_from_the_hands_that_hold_it(box: Box) -> None:
    await box.put("openai", "a")
    await box.put("github", "b")
    of_a_call = box.call.value
    removed, kept = of_a_call.get("openai"), of_a_call.get("github")
    await box.store.delete("openai")
    assert removed is not None
    assert kept is not None
    with pytest.raises(SecretWiped):
        removed.expose_secret()
    assert kept.expose_secret() == "b"
    assert has(box.call, "openai", "github") == [None, "b"]


async def test_what_is_no_longer_named_is_wiped(box: Box) -> None:
    await box.put("openai", "a")
    secret = box.call.value.get("openai")
    box.name({CALL: ("github",)})
    assert secret is not None
    with pytest.raises(SecretWiped):
        secret.expose_secret()


async def test_a_lock_wipes_all_and_an_unlock_brings_it_back() -> None:
    box = Box()
    words = "abandon " * 11 + "about"
    box.vault.lock()
    box.vault.unlock(words)
    await box.put("openai", "a")
    secret = box.call.value.get("openai")
    box.vault.lock()
    box.opened.refresh()
    assert secret is not None
    with pytest.raises(SecretWiped):
        secret.expose_secret()
    assert box.call.value is NO_CAPABILITIES
    assert box.opened.waiting()[0] == "alknet/call goes without the credential “openai”: the vault is not open"
    box.opened_blobs.clear()
    await box.store.put("github", EncryptedData(2, b"", bytes(12), bytes(16)))
    assert box.opened_blobs == []
    box.vault.unlock(words)
    box.opened.refresh()
    assert has(box.call, "openai", "github") == ["a", None]


async def test_a_close_wipes_all_for_good(box: Box) -> None:
    await box.put("openai", "a")
    secret = box.call.value.get("openai")
    box.opened.close()
    box.opened.close()
    assert secret is not None
    with pytest.raises(SecretWiped):
        secret.expose_secret()
    await box.put("openai", "b")
    box.opened.refresh()
    assert box.call.value is NO_CAPABILITIES


async def test_what_cannot_be_opened_is_left_out_told_once_and_counted(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    foreign = sealed_by(new_vault(), "of another vault")
    await box.store.put("openai", foreign)
    await box.put("github", "b")
    for _ in range(3):
        box.opened.refresh()
        await box.put("github", "b")
    assert has(box.call, "openai", "github") == [None, "b"]
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(record.message, record.provider, record.exc_info) for record in told] == [  # type: ignore[attr-defined]
        ("a credential cannot be opened", "openai", None)
    ]
    assert box.opened.snapshot() == {"stored": 2, "opened": 1, "cannot_be_opened": 1}
    assert box.opened.waiting() == ["alknet/call goes without the credential “openai”: it cannot be opened"]
    await box.put("openai", "a")
    assert has(box.call, "openai") == ["a"]
    assert box.opened.snapshot()["cannot_be_opened"] == 0
    await box.store.put("openai", sealed_by(new_vault(), "again"))
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 2


@pytest.mark.parametrize("version", [1, 2**32 - 1])
async def test_a_key_version_that_the_vault_does_not_know_is_one_that_cannot_be_opened(box: Box, version: int) -> None:
    await box.store.put("openai", EncryptedData(version, b"", bytes(12), bytes(16)))
    assert box.opened.waiting()[0].endswith("it cannot be opened")


async def test_an_opening_that_fails_in_any_way_keeps_nobody_else_waiting(caplog: pytest.LogCaptureFixture) -> None:
    store, named = InMemoryCredentialStore(), Live[Named]({CALL: ("a", "b")})

    def fail_for_a(sealed: EncryptedData) -> str:
        if sealed.key_version == 2:
            raise ZeroDivisionError("sk-canary")
        return "b's"

    opened = OpenedCredentials(store, named, fail_for_a, lambda: True)
    call = opened.capabilities(CALL)
    await store.put("a", EncryptedData(2, b"", bytes(12), bytes(16)))
    await store.put("b", EncryptedData(3, b"", bytes(12), bytes(16)))
    assert has(call, "a", "b") == [None, "b's"]
    assert "sk-canary" not in caplog.text


async def test_what_is_named_and_not_stored_is_waited_for(box: Box) -> None:
    assert box.opened.waiting() == [
        "alknet/call goes without the credential “openai”: none is stored",
        "alknet/call goes without the credential “github”: none is stored",
    ]
    await box.put("openai", "a")
    await box.put("github", "b")
    assert box.opened.waiting() == []


async def test_no_word_of_a_secret_is_told_on_its_way(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await box.put("openai", "sk-canary-1")
    await box.put("openai", "sk-canary-2")
    await box.store.delete("openai")
    told = [str(vars(record)) for record in caplog.records]
    assert len(told) == 3
    assert not [line for line in told if "canary" in line]


async def test_no_way_leads_from_capabilities_to_the_vault_or_to_other_secrets(box: Box) -> None:
    await box.put("openai", "a")
    await box.put("gitlab", "c")
    box.name({CALL: ("openai",), OTHER: ("gitlab",)})
    reached = reachable(box.call)
    assert box.call.value.get("openai") in reached
    assert box.other.value.get("gitlab") not in reached
    assert not [
        thing for thing in reached if isinstance(thing, VaultService | OpenedCredentials | InMemoryCredentialStore)
    ]
    assert reachable(box.opened), "the search finds what can be found"
    assert [thing for thing in reachable(box.opened) if isinstance(thing, VaultService)]


def reachable(start: object) -> list[Any]:
    """Every object that references lead to, leaving out the code: types, modules, and what functions know globally."""
    found: dict[int, Any] = {}
    left = [start]
    while left:
        thing = left.pop()
        if id(thing) in found or isinstance(thing, type | ModuleType):
            continue
        found[id(thing)] = thing
        left.extend(thing.__closure__ or () if isinstance(thing, FunctionType) else gc.get_referents(thing))
    return list(found.values())


async def test_a_locked_credential_is_nobodys_until_the_lock_ends() -> None:
    locks: dict[str, Lock] = {}
    box = Box(locks.get)
    await box.put("openai", "a")
    await box.put("github", "b")
    secret = box.call.value.get("openai")
    assert secret is not None
    locks["openai"] = Lock("1", LockKind.CREDENTIAL, "openai")
    box.opened.refresh()
    assert has(box.call, "openai", "github") == [None, "b"]
    with pytest.raises(SecretWiped):
        secret.expose_secret()
    assert box.opened.waiting() == ["alknet/call goes without the credential “openai”: it is locked"]
    await box.put("openai", "replaced meanwhile")
    assert has(box.call, "openai") == [None]
    locks.clear()
    box.opened.refresh()
    assert has(box.call, "openai", "github") == ["replaced meanwhile", "b"]
    assert box.opened.waiting() == []
