"""The start-up check passes here, and fails whichever primitive is broken."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.vault import VaultSelfTestFailed, derivation, encryption, mnemonic, selftest


def test_it_passes() -> None:
    selftest.run_selftest()


class BrokenCipher:
    """Forgets to check the tag, as a wrong build could."""

    def __init__(self, key: bytes) -> None:
        self.real = REAL_CIPHER(key)

    def encrypt(self, nonce: bytes, data: bytes, more: bytes | None) -> bytes:
        return self.real.encrypt(nonce, data, more)

    def decrypt(self, nonce: bytes, data: bytes, more: bytes | None) -> bytes:
        stream = self.real.encrypt(nonce, bytes(len(data) - 16), more)
        return bytes(a ^ b for a, b in zip(data[:-16], stream, strict=False))


REAL_CIPHER = encryption.AESGCM


class OtherCipher(BrokenCipher):
    """Opens what it sealed, and is not AES."""

    def encrypt(self, nonce: bytes, data: bytes, more: bytes | None) -> bytes:
        return data[::-1] + bytes(16)

    def decrypt(self, nonce: bytes, data: bytes, more: bytes | None) -> bytes:
        return data[:-16][::-1]


class OtherCurve:
    """A public key that is not this private key's."""

    @staticmethod
    def from_private_bytes(key: bytes) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes(32))


def raises(*arguments: object, **options: object) -> None:
    raise OSError("not in this build")


REAL_DIGEST, REAL_STRETCH = hmac.digest, hashlib.pbkdf2_hmac


@pytest.mark.parametrize(
    ("holder", "name", "broken", "told"),
    [
        (hashlib, "pbkdf2_hmac", lambda *a, **o: REAL_STRETCH(*a, **o)[::-1], "BIP-39"),
        (hashlib, "pbkdf2_hmac", raises, "BIP-39"),
        (mnemonic.Bip39, "check", lambda *_: False, "BIP-39"),
        (hmac, "digest", lambda key, data, _: REAL_DIGEST(key, data, "sha3_512"), "SLIP-0010"),
        (derivation, "Ed25519PrivateKey", OtherCurve, "SLIP-0010"),
        (encryption, "AESGCM", OtherCipher, "AES-256-GCM"),
        (encryption, "AESGCM", raises, "AES-256-GCM"),
        (encryption, "AESGCM", BrokenCipher, "the tag of AES-256-GCM"),
        (encryption, "a2b_base64", raises, "AES-256-GCM"),
    ],
)
def test_a_broken_primitive_is_told(
    monkeypatch: pytest.MonkeyPatch, holder: object, name: str, broken: object, told: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(holder, name, broken)
        with pytest.raises(VaultSelfTestFailed, match=f"failed: {told} does not work as published"):
            selftest.run_selftest()
    selftest.run_selftest()
