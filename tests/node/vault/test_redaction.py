"""No secret of the vault is told by anything that prints, logs, copies or serialises, nor by any of its errors."""

import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator

import msgspec
import pytest
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.vault import (
    DerivedKey,
    EncryptedData,
    EncryptionError,
    EncryptionKey,
    KeyType,
    Mnemonic,
    SecretString,
    Seed,
    VaultError,
    VaultService,
    derive_path_from_seed,
    derive_secp256k1_path,
)
from node.vault.cache import CacheConfig, CachedKey, KeyCache
from node.vault.redacted import Redacted, SecretBytes, SecretMemory, Wipeable
from tests.support.hunt import traces, words_told

PHRASE = "scheme spot photo card baby mountain device kick cradle pact join borrow"
KEY = bytes.fromhex("603aa5c626317fda4afd87b902e5c9de76c33f40834005245e1c5a675e92d700")
SEED = KEY + KEY[::-1]
PATH = "m/44'/60'/0'"
TEXT = "sk-live-canary-5f8e1f0c7a"


def vault() -> VaultService:
    service = VaultService(enable_secp256k1=True)
    service.unlock(PHRASE)
    for derive in (service.derive_ed25519, service.derive_encryption_key, service.derive_ethereum_key):
        derive(PATH)
    return service


def cache() -> KeyCache:
    kept = KeyCache(CacheConfig())
    kept.put(KeyType.Aes256Gcm, PATH, KEY, b"").cipher()
    return kept


MAKERS: dict[str, Callable[[], object]] = {
    "SecretString": lambda: SecretString(TEXT),
    "SecretBytes": lambda: SecretBytes(KEY),
    "SecretMemory": lambda: SecretMemory(KEY),
    "Mnemonic": lambda: Mnemonic.from_phrase(PHRASE),
    "phrase": lambda: Mnemonic.from_phrase(PHRASE).phrase,
    "Seed": lambda: Seed(SEED),
    "DerivedKey": lambda: DerivedKey(KeyType.Ed25519, KEY, b"public"),
    "EncryptionKey": lambda: EncryptionKey.from_derived_bytes(KEY, 2),
    "ExtendedPrivKey": lambda: derive_path_from_seed(SEED, PATH),
    "Secp256k1ExtendedPrivKey": lambda: derive_secp256k1_path(SEED, PATH),
    "CachedKey": lambda: CachedKey(KEY, b"public", 0.0),
    "KeyCache": cache,
    "VaultService": vault,
}


@pytest.fixture(params=MAKERS)
def holder(request: pytest.FixtureRequest) -> object:
    """Something that holds a secret."""
    return MAKERS[request.param]()


def secrets_of(holder: object) -> list[bytes]:
    """Every secret that is found inside by walking through the private attributes."""
    if isinstance(holder, SecretMemory):
        return [bytes(holder)]
    found = [secret for value in inside(holder) for secret in secrets_of(value)]
    if isinstance(holder, VaultService):
        found += [secret for entry in holder._cache._entries.values() for secret in secrets_of(entry)]
    if isinstance(holder, KeyCache):
        found += [secret for entry in holder._entries.values() for secret in secrets_of(entry)]
    return found


def inside(holder: object) -> Iterator[object]:
    for kind in type(holder).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if name != "__weakref__" and isinstance(value := getattr(holder, name), Redacted):
                yield value


def assert_silent(text: str, *secrets: bytes | str) -> None:
    for secret in (*secrets, KEY, SEED, TEXT):
        assert traces(secret, text) == [], text
    assert words_told(PHRASE, text) == set(), text


def test_the_hunt_finds_what_it_hunts_for() -> None:
    shapes = [KEY.hex(), KEY.hex().upper(), KEY.hex(" "), repr(KEY), str(list(KEY)), str(int.from_bytes(KEY, "big"))]
    shapes += [b64encode(before + KEY).decode() for before in (b"", b"x", b"xy")]
    shapes += [json.dumps(list(KEY), indent=2)]
    for shape in shapes:
        assert traces(KEY, f"before {shape} after"), shape
    assert traces(TEXT, f"… {TEXT!r}")
    assert words_told(PHRASE, "The mountain") == {"mountain"}
    assert traces(KEY, "before [REDACTED] after") == []


def test_every_type_that_holds_a_secret_is_hunted() -> None:
    def below(kind: type) -> Iterator[type]:
        yield kind
        for other in kind.__subclasses__():
            yield from below(other)

    ours = {kind for kind in below(Redacted) if kind.__module__.startswith("node.vault.")}
    bases = {Redacted, Wipeable, derive_path_from_seed.__annotations__["return"].__base__}
    assert ours - bases == {type(make()) for make in MAKERS.values()}
    assert all(secrets_of(make()) for make in MAKERS.values())


SHOWS: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": lambda it: f"{it} {it!r} {it!s} {it!a} {it:>90} {it:x} {it:s} {it:%Y}",
    "percent": lambda it: "%s %r %a" % (it, it, it),  # noqa: UP031
    "str.format": "{0} {0!s} {0!r:>50}".format,
    "in a list": lambda it: str([it, {"key": it}, (it,), {it: 1}]) if it.__hash__ else str([it, {"key": it}, (it,)]),
    "pprint": lambda it: pprint.pformat({"it": it}),
    "json with str": lambda it: json.dumps({"it": it}, default=str),
    "json with repr": lambda it: json.dumps([it], default=repr),
}


@pytest.mark.parametrize("show", SHOWS)
def test_no_way_to_show_it_shows_it(holder: object, show: str) -> None:
    assert_silent(SHOWS[show](holder), *secrets_of(holder))


REFUSES: dict[str, Callable[[object], object]] = {
    "json": json.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy in a list": lambda it: copy.deepcopy([it]),
    "asdict": dataclasses.asdict,
    "astuple": dataclasses.astuple,
    "vars": vars,
    "__dict__": lambda it: it.__dict__,
    "reduce": lambda it: it.__reduce__(),
    "getstate": lambda it: it.__getstate__(),
    "replace": dataclasses.replace,
    **{f"pickle {number}": lambda it, number=number: pickle.dumps([it], number) for number in range(6)},
}


@pytest.mark.parametrize("dump", REFUSES)
def test_no_way_to_write_it_out_works(holder: object, dump: str) -> None:
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)) as refused:
        REFUSES[dump](holder)
    assert_silent(told(refused.value), *secrets_of(holder))


@pytest.mark.parametrize(
    "name", sorted(MAKERS.keys() - {"SecretMemory"})
)  # which is bytes to an encoder, and never leaves
def test_no_encoder_takes_it(name: str) -> None:
    for encode in (msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError) as refused:
            encode([MAKERS[name]()])
        assert_silent(told(refused.value))


def test_a_secret_in_a_dataclass_is_not_taken_along() -> None:
    @dataclasses.dataclass
    class Settings:
        key: object

    for make in MAKERS.values():
        settings = Settings(make())
        assert_silent(repr(settings), *secrets_of(settings.key))
        with pytest.raises(TypeError):
            dataclasses.asdict(settings)


def test_no_log_tells_it(holder: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("hunt").warning("it is %s %r", holder, holder, extra={"it": holder})
    lines, last = io.StringIO(), structlog.processors
    for render in (last.JSONRenderer(), last.KeyValueRenderer(), structlog.dev.ConsoleRenderer()):
        log = structlog.wrap_logger(structlog.PrintLogger(lines), processors=[last.format_exc_info, render])
        log.warning("it", it=holder, more=[holder])
    assert "it is" in caplog.text
    assert len(lines.getvalue().splitlines()) == 3
    assert_silent(caplog.text + lines.getvalue() + str(caplog.records[0].__dict__), *secrets_of(holder))


def test_the_json_of_a_key_has_its_public_half_only() -> None:
    key = vault().derive_ed25519(PATH)
    assert key.to_json() == {
        "key_type": "Ed25519",
        "private_key": "[REDACTED]",
        "public_key": list(key.public_key),
    }
    assert_silent(json.dumps(key.to_json()), *secrets_of(key))
    assert not hasattr(key, "from_json")
    assert KeyType(key.to_json()["key_type"]) is KeyType.Ed25519
    assert key.public_key.hex() in repr(key)


def test_keys_are_compared_by_identity() -> None:
    one, two = EncryptionKey.from_derived_bytes(KEY, 2), EncryptionKey.from_derived_bytes(KEY, 2)
    assert one != two
    assert SecretString(TEXT) != SecretString(TEXT)
    assert vault().derive_ed25519(PATH) != vault().derive_ed25519(PATH)


def test_a_key_of_too_few_bytes_is_refused_and_more_are_cut() -> None:
    assert EncryptionKey.from_derived_bytes(KEY + b"more", 2).key == KEY
    with pytest.raises(EncryptionError, match="32 bytes") as refused:
        EncryptionKey.from_derived_bytes(KEY[:31], 2)
    assert_silent(told(refused.value), KEY[:31])


def told(error: BaseException) -> str:
    """All that a logger could find in an error: arguments, causes, tracebacks with the locals of the vault's frames."""
    parts = []
    while error is not None:
        parts += [repr(error), str(error), repr(error.args), repr(getattr(error, "__dict__", {}))]
        # Frames of the test hold the secrets, as frames of whoever calls the vault do: those are not the vault's.
        captured = traceback.TracebackException.from_exception(error, capture_locals=True, compact=False)
        parts += [f"{frame.name} {frame.locals}" for frame in captured.stack if "/tests/" not in frame.filename]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def not_text() -> EncryptedData:
    """A blob that opens to bytes which are no text."""
    with vault().derive_encryption_key_for_version(2) as key:
        data = AESGCM(key.private_key).encrypt(bytes(12), b"\xff" + TEXT.encode(), None)
    return EncryptedData(2, "", b64encode(bytes(12)).decode(), b64encode(data).decode())


BROKEN = TEXT + "\udcff"
WRONG_PHRASE = PHRASE.replace("borrow", "card")
LOCKED = VaultService()

FAILURES: dict[str, Callable[[], object]] = {
    "wrong checksum": lambda: VaultService().unlock(WRONG_PHRASE, TEXT),
    "unknown word": lambda: VaultService().unlock(PHRASE + "x", TEXT),
    "too many words": lambda: VaultService().unlock(f"{PHRASE} {PHRASE} {PHRASE}"),
    "too long": lambda: VaultService().unlock(PHRASE * 100),
    "secret string": lambda: VaultService().unlock(SecretString(WRONG_PHRASE), SecretString(TEXT)),
    "no text as passphrase": lambda: VaultService().unlock(PHRASE, BROKEN),
    "already unlocked": lambda: vault().unlock(PHRASE, TEXT),
    "new, already unlocked": lambda: vault().unlock_new(24, TEXT),
    "new, wrong count": lambda: VaultService().unlock_new(13, TEXT),
    "new, no text as passphrase": lambda: VaultService().unlock_new(12, BROKEN),
    "from_phrase": lambda: Mnemonic.from_phrase(WRONG_PHRASE),
    "to_seed": lambda: Mnemonic.from_phrase(PHRASE).to_seed(BROKEN),
    "to_seed of a secret string": lambda: Mnemonic.from_phrase(PHRASE).to_seed(SecretString(BROKEN)),
    "seed": lambda: Seed(KEY),
    "phrase for a path": lambda: vault().derive_ed25519(PHRASE),
    "unhardened": lambda: vault().derive_ed25519("m/0"),
    "unhardened, from a seed": lambda: derive_path_from_seed(SEED, "m/0"),
    "short seed": lambda: derive_path_from_seed(KEY[:15], "m"),
    "short seed, other curve": lambda: derive_secp256k1_path(KEY[:15], "m"),
    "phrase for a path, from a seed": lambda: derive_path_from_seed(SEED, PHRASE),
    "sealed by no version": lambda: vault().encrypt(TEXT, 1),
    "sealed while locked": lambda: LOCKED.encrypt(TEXT),
    "sealed, no text": lambda: vault().encrypt(BROKEN),
    "sealed, bytes": lambda: vault().encrypt(TEXT.encode()),
    "phrase as bytes": lambda: VaultService().unlock(PHRASE.encode(), TEXT.encode()),
    "passphrase as bytes": lambda: VaultService().unlock(PHRASE, TEXT.encode()),
    "sealed, too long": lambda: vault().encrypt(TEXT * 100_000),
    "opened with another key": lambda: vault().decrypt(dataclasses.replace(vault().encrypt(TEXT), key_version=3)),
    "opened, no text": lambda: vault().decrypt(not_text()),
    "rotated to no version": lambda: vault().rotate(vault().encrypt(TEXT), 1),
    "secret for a blob": lambda: EncryptedData.from_json(TEXT),
    "phrase for a blob": lambda: EncryptedData.from_json('{"key_version": 2, "salt": "' + PHRASE + '"}'),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_error_tells_it(failure: str) -> None:
    with pytest.raises(VaultError) as failed:
        FAILURES[failure]()
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    # Whoever takes something for a blob or a path takes it for public; the message repeats nothing all the same.
    text = str(failed.value) if " for a " in failure else told(failed.value)
    assert_silent(text, KEY[:15])


def test_an_error_shows_its_own_place() -> None:
    with pytest.raises(VaultError) as failed:
        vault().encrypt(TEXT, 1)
    assert [frame.name for frame in traceback.extract_tb(failed.value.__traceback__)][1:] == ["encrypt"]


def test_wiping_leaves_nothing_and_may_be_repeated() -> None:
    for name, make in MAKERS.items():
        it = make()
        if not isinstance(it, Wipeable):
            continue
        held = list(memories(it))
        assert held, name
        it.wipe()
        it.wipe()
        assert not any(any(part) for part in held), name
        assert_silent(repr(it))


def memories(holder: object) -> Iterator[SecretMemory]:
    for value in inside(holder):
        if isinstance(value, SecretMemory):
            yield value
        else:
            yield from memories(value)


def test_a_view_keeps_its_bytes_until_it_goes() -> None:
    """The key object may be a temporary one; what it gave is no zeros all the same."""
    view = DerivedKey(KeyType.Ed25519, KEY, b"").private_key
    assert view == KEY
    assert view.readonly
    with pytest.raises(TypeError):
        view[0] = 0


def test_no_view_ever_shows_the_zeros() -> None:
    """Not even to a thread that looks through it while another wipes."""
    seen: list[bytes] = []

    class Watched(SecretMemory):
        __slots__ = ()

        def wipe(self) -> None:
            super().wipe()
            try:
                seen.append(bytes(views.pop()))
            except (ValueError, IndexError):
                seen.append(b"released")

    key = SecretBytes(KEY)
    key._bytes = Watched(KEY)
    key._view = memoryview(key._bytes).toreadonly()
    views = [key.view()]
    key.wipe()
    assert seen == [b"released"]


def test_memory_that_nobody_holds_is_overwritten() -> None:
    zeros: list[bytes] = []

    class Watched(SecretMemory):
        __slots__ = ()

        def wipe(self) -> None:
            super().wipe()
            zeros.append(bytes(self))

    memory = Watched(KEY)
    del memory
    assert zeros == [bytes(32)]


def test_a_secret_string_gives_back_exactly_what_it_was_given() -> None:
    for text in ("", TEXT, "é\u0301\0\n", BROKEN):
        with SecretString(text) as secret:
            assert secret.reveal() == text
        with pytest.raises(VaultError, match="wiped"):
            secret.reveal()
