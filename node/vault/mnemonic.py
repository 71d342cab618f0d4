"""The recovery phrase (BIP-39) and the seed that it gives (spec vault §4)."""

import unicodedata
from enum import Enum
from functools import cache

from mnemonic import Mnemonic as Bip39

from node.vault.errors import MnemonicError
from node.vault.redacted import BytesLike, SecretBytes, SecretString, Wipeable, revealed

SEED_SIZE = 64

STRENGTHS = {12: 128, 15: 160, 18: 192, 21: 224, 24: 256}
"""Bits of entropy by count of words."""

MAX_PHRASE = 4096
"""Longest text that is looked at as a phrase; 24 words have at most 215 characters."""


class Language(Enum):
    """Word lists that phrases are written in."""

    ENGLISH = "english"


class Seed(Wipeable):
    """The 64 bytes that everything is derived from."""

    __slots__ = ("_secret",)

    def __init__(self, seed: BytesLike) -> None:
        """Copies `seed`. Raises MnemonicError unless it has 64 bytes."""
        if len(seed) != SEED_SIZE:
            del seed  # a traceback may be logged with the locals of its frames
            raise MnemonicError(f"a seed has {SEED_SIZE} bytes")
        self._secret = SecretBytes(seed)

    def as_bytes(self) -> memoryview:
        """The bytes themselves, read-only; of no use once the seed is wiped. Raises SecretWiped."""
        return self._secret.view()

    def wipe(self) -> None:
        self._secret.wipe()


class Mnemonic(Wipeable):
    """A valid recovery phrase, in its canonical spelling."""

    __slots__ = ("_phrase",)

    def __init__(self, phrase: SecretString) -> None:
        """Takes a phrase that was checked: use `generate` or `from_phrase`."""
        self._phrase = phrase

    @classmethod
    def generate(cls, word_count: int = 24) -> "Mnemonic":
        """A fresh phrase of 12, 15, 18, 21 or 24 words, from the system's randomness. Raises MnemonicError."""
        if type(word_count) is not int or word_count not in STRENGTHS:
            raise MnemonicError("a recovery phrase has 12, 15, 18, 21 or 24 words")
        return cls(SecretString(_bip39(Language.ENGLISH).generate(STRENGTHS[word_count])))

    @classmethod
    def from_phrase(cls, phrase: str | SecretString, language: Language = Language.ENGLISH) -> "Mnemonic":
        """Check a phrase, whatever its case and spacing. Raises MnemonicError, which tells what is wrong and where."""
        try:
            return cls(_checked(revealed(phrase), _bip39(language)))
        except MnemonicError as error:
            del phrase
            raise error.with_traceback(None) from None

    @property
    def phrase(self) -> SecretString:
        """The words, separated by single spaces. Wiped together with this object."""
        return self._phrase

    def to_seed(self, passphrase: str | SecretString | None = None) -> Seed:
        """The seed of this phrase with a passphrase, the "25th word". None and the empty text are the same.

        Raises MnemonicError on a passphrase that is no Unicode text, SecretWiped.
        """
        word = revealed(passphrase or "")
        if not _is_unicode(word):
            del word, passphrase
            raise MnemonicError("the passphrase is no text, or holds bytes that are none")
        return Seed(Bip39.to_seed(self._phrase.reveal(), word))

    def wipe(self) -> None:
        self._phrase.wipe()


@cache
def _bip39(language: Language) -> Bip39:
    return Bip39(language.value)


def _checked(text: str, bip39: Bip39) -> SecretString:
    """The canonical spelling, if it is a valid phrase.

    The library's own check fails on doubled spaces and capitals, and its seed of such a spelling is another seed.
    """
    if not isinstance(text, str) or len(text) > MAX_PHRASE:
        raise MnemonicError("this is no recovery phrase: it is no text, or far too long")
    words = unicodedata.normalize("NFKD", text).lower().split()
    if len(words) not in STRENGTHS:
        raise MnemonicError(f"a recovery phrase has 12, 15, 18, 21 or 24 words, not {len(words)}")
    known = set(bip39.wordlist)
    unknown = [str(place) for place, word in enumerate(words, 1) if word not in known]
    if unknown:
        raise MnemonicError(f"not in the list of words: number {', '.join(unknown)}")
    if not bip39.check(" ".join(words)):
        raise MnemonicError("the checksum is wrong: a word was mistaken for another, or two changed places")
    return SecretString(" ".join(words))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except (UnicodeEncodeError, AttributeError):
        return False
    return True
