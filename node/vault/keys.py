"""Keys as they are handed out: each a copy that its caller owns and wipes (spec vault §9)."""

from enum import StrEnum
from typing import Self

from node.vault.constants import KEY_SIZE
from node.vault.errors import EncryptionError
from node.vault.redacted import REDACTED, BytesLike, SecretBytes, Wipeable


class KeyType(StrEnum):
    """What a key is for."""

    Ed25519 = "Ed25519"
    Aes256Gcm = "Aes256Gcm"
    Secp256k1 = "Secp256k1"


class DerivedKey(Wipeable):
    """A private key with its public half, which is empty for Aes256Gcm.

    There is no way back from the JSON form, which holds no private key.
    """

    __slots__ = ("_private_key", "key_type", "public_key")

    def __init__(self, key_type: KeyType, private_key: BytesLike, public_key: bytes) -> None:
        self._private_key = SecretBytes(private_key)
        self.key_type = key_type
        self.public_key = public_key

    @property
    def private_key(self) -> memoryview:
        """The 32 bytes themselves, read-only. Wiping this key takes the view back too. Raises SecretWiped."""
        return self._private_key.view()

    def wipe(self) -> None:
        self._private_key.wipe()

    def to_json(self) -> dict[str, object]:
        """What may be shown: type and public key (a list of its bytes)."""
        return {"key_type": str(self.key_type), "private_key": REDACTED, "public_key": list(self.public_key)}

    def __repr__(self) -> str:
        return f"DerivedKey({self.key_type}, private_key={REDACTED}, public_key={self.public_key.hex()})"


class EncryptionKey(Wipeable):
    """A sealing key and the version whose blobs it opens."""

    __slots__ = ("_key", "key_version")

    def __init__(self, key: BytesLike, key_version: int) -> None:
        self._key = SecretBytes(key)
        self.key_version = key_version

    @classmethod
    def from_derived_bytes(cls, derived: BytesLike, key_version: int) -> Self:
        """Takes the first 32 bytes. Raises EncryptionError if there are fewer."""
        if len(derived) < KEY_SIZE:
            del derived
            raise EncryptionError(f"an encryption key has {KEY_SIZE} bytes")
        return cls(memoryview(derived)[:KEY_SIZE], key_version)

    @property
    def key(self) -> memoryview:
        """The 32 bytes themselves, read-only. Raises SecretWiped."""
        return self._key.view()

    def wipe(self) -> None:
        self._key.wipe()

    def __repr__(self) -> str:
        return f"EncryptionKey(key_version={self.key_version}, key={REDACTED})"
