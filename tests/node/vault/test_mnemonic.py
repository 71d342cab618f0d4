import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic as Bip39

from node.vault import Mnemonic, MnemonicError, SecretString, SecretWiped, Seed
from tests.support.vault_vectors import PHRASE, Bip39Vector, bip39_vectors, foreign_phrases


def seed_of(mnemonic: Mnemonic, passphrase: str | SecretString | None = None) -> bytes:
    with mnemonic.to_seed(passphrase) as seed:
        return bytes(seed.as_bytes())


WORDS = Bip39("english").wordlist
COUNTS = (12, 15, 18, 21, 24)


@pytest.mark.parametrize("vector", bip39_vectors(), ids=lambda vector: vector.entropy.hex()[:12])
def test_the_published_vectors(vector: Bip39Vector) -> None:
    mnemonic = Mnemonic.from_phrase(vector.words)
    assert mnemonic.phrase.reveal() == vector.words == Bip39("english").to_mnemonic(vector.entropy)
    assert seed_of(mnemonic, "TREZOR") == vector.seed


def test_all_published_vectors_are_here() -> None:
    assert len(bip39_vectors()) == 24
    assert len(foreign_phrases()) == 9 * 24


def test_seeds_of_other_languages_are_as_published_yet_only_english_is_accepted() -> None:
    for language, words, seed in foreign_phrases():
        # Past the check, since the seed needs no list of words: it shows that the text is normalised as BIP-39 says.
        assert seed_of(Mnemonic(SecretString(words)), "TREZOR") == seed, language
        with pytest.raises(MnemonicError, match="not in the list of words"):
            Mnemonic.from_phrase(words)


def test_no_passphrase_and_an_empty_one_are_the_same() -> None:
    mnemonic = Mnemonic.from_phrase(PHRASE)
    expected = (
        "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1"
        "9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
    )
    assert [seed_of(mnemonic, word).hex() for word in (None, "", SecretString(""))] == [expected] * 3
    assert seed_of(mnemonic, " ").hex() != expected


def test_a_passphrase_is_the_same_in_either_unicode_form() -> None:
    mnemonic = Mnemonic.from_phrase(PHRASE)
    seeds = {seed_of(mnemonic, word) for word in ("\u00e9", "e\u0301", SecretString("\u00e9"))}
    assert [seed[:16].hex() for seed in seeds] == ["f37f8652bf7004d4bd4ba7702e70e647"]


def test_a_passphrase_of_undecodable_bytes_is_refused() -> None:
    for passphrase in ("secret \udcff", b"secret", 25):
        with pytest.raises(MnemonicError, match="no text"):
            Mnemonic.from_phrase(PHRASE).to_seed(passphrase)


@pytest.mark.parametrize("count", COUNTS)
def test_a_fresh_phrase_has_as_many_words_as_asked_for(count: int) -> None:
    phrases = [Mnemonic.generate(count).phrase.reveal() for _ in range(5)]
    assert [len(phrase.split(" ")) for phrase in phrases] == [count] * 5
    assert len(set(phrases)) == 5
    assert [Mnemonic.from_phrase(phrase).phrase.reveal() for phrase in phrases] == phrases


@pytest.mark.parametrize("count", [-12, 0, 1, 11, 13, 16, 20, 23, 25, 48, True, 12.0, "12", None])
def test_other_counts_are_refused(count: int) -> None:
    with pytest.raises(MnemonicError, match="12, 15, 18, 21 or 24"):
        Mnemonic.generate(count)


@pytest.mark.parametrize(
    "spelling",
    [
        PHRASE.replace(" ", "  "),
        f"  {PHRASE} \n",
        PHRASE.replace(" ", "\n"),
        PHRASE.replace(" ", "\u3000"),
        PHRASE.upper(),
        PHRASE.replace("abandon", "\uff41bandon"),
    ],
    ids=["doubled", "around", "lines", "ideographic", "capitals", "full-width"],
)
def test_every_spelling_of_a_phrase_gives_the_same_seed(spelling: str) -> None:
    mnemonic = Mnemonic.from_phrase(spelling)
    assert mnemonic.phrase.reveal() == PHRASE
    assert seed_of(mnemonic) == seed_of(Mnemonic.from_phrase(PHRASE))


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("", "not 0"),
        ("abandon", "not 1"),
        (PHRASE + " about", "not 13"),
        ("abandon " * 12, "checksum"),
        (PHRASE.replace("about", "qwertz"), "number 12$"),
        ("xyzzy " + "abandon " * 10 + "plugh", "number 1, 12$"),
        ("a" * 5000, "too long"),
        ("abandon " * 600, "too long"),
        (PHRASE.encode(), "no text"),
        (None, "no text"),
    ],
    ids=[
        "empty",
        "one",
        "thirteen",
        "checksum",
        "unknown",
        "two unknown",
        "long word",
        "many words",
        "bytes",
        "nothing",
    ],
)
def test_a_wrong_phrase_is_refused_without_a_word_of_it(phrase: str, message: str) -> None:
    with pytest.raises(MnemonicError, match=message) as refused:
        Mnemonic.from_phrase(phrase)
    said = set(re.findall(r"[a-z]+", str(refused.value)))
    assert said.isdisjoint({"abandon", "about", "qwertz", "xyzzy", "plugh"})


@given(st.lists(st.sampled_from(WORDS), min_size=12, max_size=12))
def test_random_words_are_a_phrase_only_if_their_checksum_holds(words: list[str]) -> None:
    bits = "".join(f"{WORDS.index(word):011b}" for word in words)
    entropy = int(bits[:128], 2).to_bytes(16, "big")
    if Bip39("english").to_mnemonic(entropy) == " ".join(words):
        assert Mnemonic.from_phrase(" ".join(words)).phrase.reveal() == " ".join(words)
    else:
        with pytest.raises(MnemonicError, match="checksum"):
            Mnemonic.from_phrase(" ".join(words))


@given(st.sampled_from([16, 20, 24, 28, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_every_entropy_gives_a_phrase_that_is_accepted(entropy: bytes) -> None:
    phrase = Bip39("english").to_mnemonic(entropy)
    assert Mnemonic.from_phrase(SecretString(phrase)).phrase.reveal() == phrase


@given(st.text())
def test_any_other_text_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(MnemonicError):
        Mnemonic.from_phrase(text)


def test_a_seed_has_64_bytes() -> None:
    assert len(seed_of(Mnemonic.from_phrase(PHRASE))) == 64
    for size in (0, 32, 63, 65):
        with pytest.raises(MnemonicError, match="64 bytes"):
            Seed(bytes(size))


def test_a_wiped_phrase_or_seed_gives_nothing() -> None:
    with Mnemonic.from_phrase(PHRASE) as mnemonic, mnemonic.to_seed() as seed:
        view = seed.as_bytes()
    for use in (mnemonic.to_seed, mnemonic.phrase.reveal, seed.as_bytes):
        with pytest.raises(SecretWiped):
            use()
    with pytest.raises(ValueError, match="released"):
        bytes(view)
