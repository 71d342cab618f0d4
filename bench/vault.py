"""The vault: keys derived, texts sealed and opened per second, and what it adds to the bare cipher.

Bare sealing is what is left where key and text are at hand: a fresh nonce and salt, AESGCM of the cryptography package,
and the three fields in base64. Bare opening decodes nonce and data and decrypts. Both make the cipher from the key's
bytes each time, as the vault does; the ratios named "ready" are to a cipher that was made before, once.
"""

import argparse
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.vault import CacheConfig, EncryptedData, Mnemonic, VaultService

NAME = "vault"

Work = Callable[[], object]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=1024, help="bytes of each text")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=2000, help="calls of each kind in each round")


def run(options: argparse.Namespace) -> dict[str, Any]:
    phrase = Mnemonic.generate(24).phrase
    vault, uncached = VaultService(), VaultService(CacheConfig(max_entries=0))
    for service in (vault, uncached):
        service.unlock(phrase)
    text = "x" * options.size
    with vault.derive_encryption_key_for_version(2) as key:
        works = {**_ours(vault, text), **_bare(bytes(key.private_key), vault.encrypt(text), text)}
    works["derive"] = lambda: uncached.derive_ed25519("m/74'/0'/0'/0'")
    rounds = _rounds(works, options.rounds, options.calls)
    return {"size": options.size, "rounds": options.rounds, **_figures(rounds)}


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


def _rounds(works: dict[str, Work], rounds: int, calls: int) -> list[dict[str, float]]:
    """Seconds per call of each work in each round; every other round runs in reverse order."""
    names, found = list(works), []
    for _ in range(rounds):
        found.append({name: _seconds(works[name], calls) for name in names})
        names.reverse()
    return found


def _seconds(work: Work, calls: int) -> float:
    before = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - before) / calls


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
