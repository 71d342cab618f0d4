"""What custody refuses. Messages are for people; none holds a word, a passphrase or a key."""

from pathlib import Path


class CustodyError(Exception):
    """The vault cannot be opened, made or changed; the text says why, and what to do about it."""


class NoVault(CustodyError):
    """There is no vault in this data directory."""

    def __init__(self) -> None:
        super().__init__("this data directory has no vault yet; make it with: alknet vault init")


class VaultExists(CustodyError):
    """There is a vault, and what was asked for would put another in its place."""


class VaultFileError(CustodyError):
    """The vault's file cannot be read or written, or is none that this version understands."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class KeyUnavailable(CustodyError):
    """The key file or credential that opens this vault cannot be used."""


class WrongKey(CustodyError):
    """The key file or credential does not open this vault."""


class PassphraseNeeded(CustodyError):
    """Only the passphrase opens this vault, and none was given."""

    def __init__(self) -> None:
        super().__init__("the vault is protected by a passphrase")


class WrongPassphrase(CustodyError):
    """The passphrase does not open this vault."""

    def __init__(self) -> None:
        super().__init__("wrong passphrase")


class PassphraseRefused(CustodyError):
    """This text is not taken as a new passphrase."""


class CustodyBusy(CustodyError):
    """Another process is changing the vault's file right now."""

    def __init__(self) -> None:
        super().__init__("another command is changing the vault at this moment; try again")
