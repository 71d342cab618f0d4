"""The vault's errors (spec vault §2). No text, cause or context of theirs holds a secret, a word or an input."""


class VaultError(Exception):
    """Whatever the vault refuses or cannot do."""


class VaultLocked(VaultError):
    """The operation needs the seed, and the vault holds none."""

    def __init__(self) -> None:
        super().__init__("the vault is locked")


class AlreadyUnlocked(VaultError):
    """The vault holds a seed already; lock it first."""

    def __init__(self) -> None:
        super().__init__("the vault is already unlocked")


class MnemonicError(VaultError):
    """The recovery phrase or its length is wrong. Tells positions and counts, never a word."""


class DerivationError(VaultError):
    """The path is well formed, and no key can be derived along it."""


class EncryptionError(VaultError):
    """A text cannot be sealed, or a blob cannot be opened."""


class InvalidPath(VaultError):
    """The text is no derivation path, or the number is no index or version that a path exists for."""


class UnsupportedKeyType(VaultError):
    """Keys of this type are switched off."""


class SecretWiped(VaultError):
    """The secret was wiped; whoever still holds it may not use it."""

    def __init__(self) -> None:
        super().__init__("this secret was wiped")


class VaultSelfTestFailed(VaultError):
    """A primitive does not give what its published vector says; nothing may be derived or sealed with it."""
