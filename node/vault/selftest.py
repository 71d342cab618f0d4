"""A start-up check that the primitives give what was published for them, before anything is derived or sealed."""

from collections.abc import Callable
from dataclasses import replace

from node.vault.blob import EncryptedData
from node.vault.derivation import derive_path_from_seed
from node.vault.encryption import cipher_for, seal, unseal
from node.vault.errors import EncryptionError, VaultSelfTestFailed
from node.vault.mnemonic import Mnemonic


def run_selftest() -> None:
    """Raises VaultSelfTestFailed, naming the primitive, if one gives anything else than its vector. Takes 3 ms."""
    for name, holds in _CHECKS.items():
        if not _passes(holds):
            raise VaultSelfTestFailed(f"the vault's self-test failed: {name} does not work as published")


def _passes(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except Exception:  # noqa: BLE001 - whatever it is, the primitive does not work
        return False


def _bip39_holds() -> bool:
    """The first of the published vectors: entropy of zeros, passphrase TREZOR."""
    seed = Mnemonic.from_phrase("abandon " * 11 + "about").to_seed("TREZOR")
    return seed.as_bytes() == bytes.fromhex(
        "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141"
        "630c7a3c4ab7c81b2f001698e7463b04"
    )


def _slip10_holds() -> bool:
    """SLIP-0010, ed25519, test vector 1, chain m/0'/1'/2'/2'/1000000000'."""
    key = derive_path_from_seed(bytes(range(16)), "m/0'/1'/2'/2'/1000000000'")
    private = "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793"
    public = "3c24da049451555d51a7014a37337aa4e12d41e485abccfa46b47dfb2af54b7a"
    return key.private_key == bytes.fromhex(private) and key.public_key == bytes.fromhex(public)


def _aes_gcm_holds() -> bool:
    """The GCM specification's test case 14 (key, nonce and text are zeros); and what is sealed here opens."""
    cipher = cipher_for(bytes(32))
    opens = unseal(cipher, _ZEROS) == "\0" * 16
    return opens and unseal(cipher, seal(cipher, 2, "text")) == "text"


def _tampering_shows() -> bool:
    """The same with one bit of the tag changed must not open."""
    try:
        unseal(cipher_for(bytes(32)), replace(_ZEROS, data=_ZEROS.data.replace("uRk=", "uRg=")))
    except EncryptionError:
        return True
    return False


_ZEROS = EncryptedData(2, "", "AAAAAAAAAAAAAAAA", "zqdAPU1ga24HTsXTuvOdGNDRyKeZmWvwJluYtdSKuRk=")

_CHECKS: dict[str, Callable[[], bool]] = {
    "BIP-39": _bip39_holds,
    "SLIP-0010": _slip10_holds,
    "AES-256-GCM": _aes_gcm_holds,
    "the tag of AES-256-GCM": _tampering_shows,
}
