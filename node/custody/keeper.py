"""The vault in the running node: opened at the start where that needs no person, unlocked and locked while it runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.custody.custody import Custody
from node.custody.errors import CustodyError, NoVault, PassphraseNeeded, WrongKey, WrongPassphrase
from node.custody.sealing import Contents
from node.custody.tries import Tries
from node.vault import PATHS, CacheConfig, SecretString, VaultError, VaultService

State = Literal["absent", "locked", "unlocked"]
Callback = Callable[[], object]

logger = logging.getLogger(__name__)


class TooSoon(CustodyError):
    """A passphrase so short after a wrong one; `wait` is how many seconds are left."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"too soon after a wrong passphrase; try again in {wait:.0f} s")
        self.wait = wait


class VaultKeeper:
    """Holds the one vault of this process. Everything but `vault` is for the loop's own thread.

    `reason` says why a locked vault is locked. After `lock` a node that serves goes on with the key that it has loaded;
    the seed is wiped, and nothing can be derived, sealed or opened.
    """

    def __init__(self, custody: Custody, cache: CacheConfig | None = None) -> None:
        self._custody = custody
        self.vault = VaultService(cache or CacheConfig())
        self.reason = "it was not opened yet"
        self.identity: str | None = None
        """Fingerprint of the node key that the words give; known while the vault is locked, too."""
        self._present = False
        self._opened = asyncio.Event()
        self._turn = asyncio.Lock()
        self._tries = Tries(time.monotonic)
        self._callbacks: list[Callback] = []

    @property
    def state(self) -> State:
        """Where the vault stands."""
        if self.vault.is_unlocked():
            return "unlocked"
        return "locked" if self._present else "absent"

    def open_by_key(self) -> None:
        """Open the vault if its key file or credential does; else it stays locked, with the reason told and kept.

        Call it once, at the start. A vault that cannot be opened ends no node: a person can mend it while it waits.
        """
        try:
            record = self._custody.read()
            if record is None:
                raise NoVault
            self._present, self.identity = True, record.identity
            self._take(self._custody.open())
        except PassphraseNeeded:
            self.reason = "it is protected by a passphrase: alknet vault unlock"
        except NoVault as error:
            self.reason = str(error)
        except (CustodyError, VaultError) as error:
            self._present = True
            self.reason = str(error)
            logger.error("the vault cannot be opened", extra={"error": str(error)})

    async def unlock(self, passphrase: SecretString | None = None) -> None:
        """Open the vault, one try at a time; nothing to do where it is open.

        Raises TooSoon, WrongPassphrase, and what else opening raises. Deriving takes a thread, never the loop.
        """
        async with self._turn:
            if self.vault.is_unlocked():
                return
            if (wait := self._tries.wait()) > 0 and passphrase is not None:
                raise TooSoon(wait)
            try:
                contents = await asyncio.to_thread(self._custody.open, passphrase)
                self._tries.right()
                self._present = True
                self._take(contents)
            except WrongPassphrase:
                self._tries.wrong()
                logger.warning("a wrong passphrase was given")
                raise
            except PassphraseNeeded:
                raise
            except CustodyError as error:
                self.reason = str(error)
                raise
        logger.info("the vault was unlocked")
        self._tell()

    async def lock(self) -> None:
        """Wipe the seed and every key that was kept. Harmless when it is locked already."""
        async with self._turn:
            if not self.vault.is_unlocked():
                return
            self.vault.lock()
            self._opened.clear()
            self.reason = "it was locked by hand: alknet vault unlock"
        logger.info("the vault was locked")
        self._tell()

    async def wait_unlocked(self) -> None:
        """Return once the vault is open."""
        await self._opened.wait()

    def subscribe(self, callback: Callback) -> None:
        """Have `callback` called on the loop after each lock and unlock that is to come."""
        self._callbacks.append(callback)

    def retry_after(self) -> float:
        """Seconds until another passphrase is looked at."""
        return self._tries.wait()

    def identity_key(self) -> Ed25519PrivateKey:
        """The node's own key, of `m/74'/0'/0'/0'`. Raises VaultLocked, WrongKey."""
        return _private(self.vault, PATHS.IDENTITY)

    def ssh_host_key(self) -> Ed25519PrivateKey:
        """The SSH host key, of `m/74'/0'/1'/0'`. Raises VaultLocked, WrongKey."""
        return _private(self.vault, PATHS.SSH_HOST)

    def close(self) -> None:
        """Wipe everything; tell nobody."""
        self.vault.lock()

    def _take(self, contents: Contents) -> None:
        """Raises CustodyError where the file has become that of another box: what runs has the keys of this one."""
        with contents:
            self.vault.unlock(contents.phrase, contents.bip39_passphrase)
        identity = f"ed25519:{_public(self.vault).hex()}"
        if identity != (self.identity or identity):
            self.vault.lock()
            raise CustodyError("the vault file is that of another box by now: restart the node")
        self.identity = identity
        self.reason = ""
        self._opened.set()

    def _tell(self) -> None:
        for callback in self._callbacks:
            try:
                callback()
            except Exception:
                logger.exception("a part of the node failed to follow the vault")


def _public(vault: VaultService) -> bytes:
    with vault.derive_ed25519(PATHS.IDENTITY) as key:
        return key.public_key


def _private(vault: VaultService, path: str) -> Ed25519PrivateKey:
    """The key of a path, held to the public half that the vault tells (spec vault §11)."""
    with vault.derive_ed25519(path) as derived:
        private = Ed25519PrivateKey.from_private_bytes(derived.private_key)
        if private.public_key().public_bytes_raw() != derived.public_key:
            raise WrongKey(f"the key of {path} does not belong to its public half")
    return private
