"""The vault: derivations, texts sealed and opened per second, beside the bare cipher; the read of a sealed credential.

Bare sealing is what is left for a program that has the key's 32 bytes: a fresh nonce and salt, AESGCM of the
cryptography package under that key, and the three fields in base64. Bare opening decodes nonce and data, and decrypts.
The vault keeps the cipher with the cached key; the ratios named "ready" are to a program that does so too.
"""

import argparse
import os
import random
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.core import credentials as stored
from node.core.credential_index import InMemoryCredentialStore
from node.vault import PATHS, CacheConfig, EncryptedData, VaultService

NAME = "vault"
BLOCK = 50
"""Calls of one kind in a row: few enough that what disturbs the machine strikes all kinds alike."""
READS = 1000
"""Blocks of reads of the store."""

Work = Callable[[], object]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=1024, help="bytes of each text")
    parser.add_argument("--rounds", type=int, default=500, help=f"rounds of {BLOCK} calls of each kind")
    parser.add_argument("--credentials", type=int, default=1000, help="credentials in the store that is read")


def run(options: argparse.Namespace) -> dict[str, Any]:
    vault, uncached = VaultService(), VaultService(CacheConfig(max_entries=0))
    phrase = vault.unlock_new(24)
    uncached.unlock(phrase)
    text = "x" * options.size
    with vault.derive_encryption_key_for_version(2) as key:
        works = {**_ours(vault, text), **_bare(bytes(key.private_key), vault.encrypt(text), text)}
    works["derive"] = lambda: uncached.derive_ed25519(PATHS.IDENTITY)
    rounds = _rounds(works, options.rounds)
    return {
        "size": options.size,
        "rounds": options.rounds,
        "credentials": options.credentials,
        **_figures(rounds),
        "cached_read_us": round(_read_microseconds(vault.encrypt(text), options.credentials), 3),
    }


def _ours(vault: VaultService, text: str) -> dict[str, Work]:
    blob = vault.encrypt(text)
    assert vault.decrypt(blob) == text
    return {"seal": lambda: vault.encrypt(text), "open": lambda: vault.decrypt(blob)}


def _bare(key: bytes, blob: EncryptedData, text: str) -> dict[str, Work]:
    iv, data, ready = blob.iv, blob.data, AESGCM(key)

    def seal(cipher: AESGCM) -> tuple[str, str, str]:
        nonce, salt = os.urandom(12), os.urandom(32)
        sealed = cipher.encrypt(nonce, text.encode(), None)
        return b64encode(salt).decode(), b64encode(nonce).decode(), b64encode(sealed).decode()

    def unseal(cipher: AESGCM) -> str:
        return cipher.decrypt(b64decode(iv, validate=True), b64decode(data, validate=True), None).decode()

    assert unseal(ready) == text
    return {
        "bare_seal": lambda: seal(AESGCM(key)),
        "bare_open": lambda: unseal(AESGCM(key)),
        "ready_seal": lambda: seal(ready),
        "ready_open": lambda: unseal(ready),
    }


def _rounds(works: dict[str, Work], rounds: int) -> list[dict[str, float]]:
    """Seconds per call of each work in each round; every other round runs in reverse order."""
    names, found = list(works), []
    for _ in range(rounds):
        found.append({name: _seconds(works[name]) for name in names})
        names.reverse()
    return found


def _seconds(work: Work) -> float:
    before = time.perf_counter()
    for _ in range(BLOCK):
        work()
    return (time.perf_counter() - before) / BLOCK


def _figures(rounds: list[dict[str, float]]) -> dict[str, float]:
    ratios = {
        "seal_ratio": ("seal", "bare_seal"),
        "open_ratio": ("open", "bare_open"),
        "seal_ratio_ready": ("seal", "ready_seal"),
        "open_ratio_ready": ("open", "ready_open"),
    }
    found = {name: round(median(each[a] / each[b] for each in rounds), 3) for name, (a, b) in ratios.items()}
    speeds = {f"{name}_per_s": round(1 / median(each[name] for each in rounds)) for name in ("derive", "seal", "open")}
    return {**found, **speeds}


def _read_microseconds(blob: EncryptedData, count: int) -> float:
    """The usual time of one read of the store's index, the loop around it included, in random order."""
    raw = stored.encrypted_data(blob.key_version, b64decode(blob.salt), b64decode(blob.iv), b64decode(blob.data))
    providers = [f"provider-{number}" for number in range(count)]
    get = InMemoryCredentialStore(dict.fromkeys(providers, raw)).get
    assert get(providers[-1]) == raw
    chance, found = random.Random(1), []
    for _ in range(READS):
        # Fresh texts: neither the index's own objects nor hashed before.
        names = ["".join(list(name)) for name in chance.choices(providers, k=BLOCK)]
        before = time.perf_counter()
        for name in names:
            get(name)
        found.append((time.perf_counter() - before) / BLOCK)
    return median(found) * 1e6
