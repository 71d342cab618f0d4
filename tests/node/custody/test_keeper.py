"""The vault in a running node: opened at the start if that needs nobody, unlocked, locked, and told to who follows."""

import asyncio
import logging
from pathlib import Path

import pytest

from node.custody import keeper as module
from node.custody.errors import CustodyError, KeyUnavailable, NoVault, PassphraseNeeded, WrongPassphrase
from node.custody.keeper import TooSoon, VaultKeeper
from node.custody.key_file import usual_key_file
from node.custody.tries import Tries
from node.vault import SecretString, VaultLocked
from tests.support.custody import (
    IDENTITY,
    OTHER_WORDS,
    PASSPHRASE,
    SSH_HOST,
    by_passphrase,
    contents,
    custody_at,
    made,
)


def opened(data: Path) -> VaultKeeper:
    keeper = VaultKeeper(custody_at(data))
    keeper.open_by_key()
    return keeper


def locked(data: Path) -> VaultKeeper:
    custody_at(data).make(contents(), by_passphrase(), shown=True)
    return opened(data)


def secret(text: str = PASSPHRASE) -> SecretString:
    return SecretString(text)


async def test_a_key_file_opens_it_at_the_start_and_gives_the_keys_of_the_specification(data: Path) -> None:
    made(data)
    keeper = opened(data)
    assert (keeper.state, keeper.identity, keeper.reason) == ("unlocked", IDENTITY, "")
    await asyncio.wait_for(keeper.wait_unlocked(), 60)
    for key, expected in ((keeper.identity_key(), IDENTITY), (keeper.ssh_host_key(), SSH_HOST)):
        assert f"ed25519:{key.public_key().public_bytes_raw().hex()}" == expected
    keeper.close()
    with pytest.raises(VaultLocked):
        keeper.identity_key()


async def test_a_passphrase_leaves_it_locked_and_its_identity_known(data: Path) -> None:
    keeper = locked(data)
    assert (keeper.state, keeper.identity) == ("locked", IDENTITY)
    assert "alknet vault unlock" in keeper.reason
    with pytest.raises(PassphraseNeeded):
        await keeper.unlock()
    with pytest.raises(VaultLocked):
        keeper.ssh_host_key()


async def test_where_there_is_none_it_is_absent_until_one_is_made(data: Path) -> None:
    keeper = opened(data)
    assert (keeper.state, keeper.identity) == ("absent", None)
    with pytest.raises(NoVault):
        await keeper.unlock()
    made(data)
    await keeper.unlock()
    assert (keeper.state, keeper.identity) == ("unlocked", IDENTITY)


async def test_a_key_file_that_is_missing_can_be_put_back_while_it_runs(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, record = made(data)
    key_file = usual_key_file(record.box)
    key_file.rename(tmp_path / "away")
    keeper = opened(data)
    assert keeper.state == "locked"
    assert str(key_file) in keeper.reason
    assert "the vault cannot be opened" in caplog.text
    with pytest.raises(KeyUnavailable):
        await keeper.unlock()
    (tmp_path / "away").rename(key_file)
    await keeper.unlock()
    assert keeper.state == "unlocked"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": 9}'])
async def test_a_file_that_cannot_be_read_is_a_locked_vault_with_a_reason(data: Path, content: bytes) -> None:
    custody, _ = made(data)
    custody.paths.vault.write_bytes(content)
    keeper = opened(data)
    assert keeper.state == "locked"
    assert str(custody.paths.vault) in keeper.reason


async def test_each_lock_and_unlock_is_told_and_a_failure_of_one_who_is_told_is_his(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = locked(data)
    told: list[str] = []

    def fail() -> None:
        raise RuntimeError("of his own")

    keeper.subscribe(fail)
    keeper.subscribe(lambda: told.append(keeper.state))
    await keeper.unlock(secret())
    await keeper.unlock(secret())
    waiting = asyncio.create_task(keeper.wait_unlocked())
    await waiting
    await keeper.lock()
    await keeper.lock()
    assert told == ["unlocked", "locked"]
    assert "failed to follow" in caplog.text
    assert "by hand" in keeper.reason


async def test_wrong_passphrases_cost_a_growing_wait(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    keeper = locked(data)
    monkeypatch.setattr(keeper, "_tries", Tries(lambda: now))
    tried = 0
    open_ = keeper._custody.open

    def counted(passphrase: SecretString | None = None) -> object:
        nonlocal tried
        tried += 1
        return open_(passphrase)

    monkeypatch.setattr(keeper._custody, "open", counted)
    with pytest.raises(WrongPassphrase):
        await keeper.unlock(secret("wrong"))
    assert keeper.retry_after() == 1.0
    with pytest.raises(TooSoon, match="1 s") as refused:
        await keeper.unlock(secret())
    assert refused.value.wait == 1.0
    assert tried == 1
    now += 1
    with pytest.raises(WrongPassphrase):
        await keeper.unlock(secret("wrong"))
    assert keeper.retry_after() == 2.0
    now += 2
    await keeper.unlock(secret())
    assert keeper.retry_after() == 0


def test_the_wait_doubles_up_to_a_minute() -> None:
    tries = Tries(lambda: 0.0)
    assert [tries.wrong() for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    tries.right()
    assert tries.wait() == 0
    assert tries.wrong() == 1


async def test_of_many_who_unlock_at_once_one_opens_it(data: Path) -> None:
    keeper = locked(data)
    told: list[str] = []
    keeper.subscribe(lambda: told.append(keeper.state))
    await asyncio.gather(*(keeper.unlock(secret()) for _ in range(4)))
    assert told == ["unlocked"]


async def test_a_file_of_another_box_is_refused_while_this_one_runs(data: Path) -> None:
    keeper = locked(data)
    custody = custody_at(data)
    custody.paths.vault.unlink()
    custody.make(contents(OTHER_WORDS), by_passphrase(), shown=True)
    with pytest.raises(CustodyError, match="another box"):
        await keeper.unlock(secret())
    assert (keeper.state, keeper.identity) == ("locked", IDENTITY)


async def test_nothing_of_all_this_logs_a_secret(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keeper = locked(data)
    with pytest.raises(WrongPassphrase):
        await keeper.unlock(secret("not-the-passphrase"))
    keeper._tries.right()
    await keeper.unlock(secret())
    await keeper.lock()
    for word in (PASSPHRASE, "not-the-passphrase", "abandon"):
        assert word not in caplog.text
        assert word not in repr(vars(keeper))
    assert module.logger.name in caplog.text
