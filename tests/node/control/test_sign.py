"""`audit/sign`: the node signs the head of an audit log, and nothing else."""

import base64
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node.control.client import ControlRefused
from node.control.errors import vault_locked
from node.core.checkpoint import checkpoint_message
from tests.support.control import Control, control

DIGEST = "0f" * 32


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Control]:
    async with control(tmp_path / "node.sock") as server:
        yield server


async def test_what_is_signed_is_the_head_and_the_nodes_own_time(
    running: Control, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        made = await running.call("audit/sign", {"number": 7, "hash": DIGEST})
    assert (made["number"], made["hash"], made["fingerprint"]) == (7, DIGEST, running.told.key.fingerprint)
    text = f"alknet/audit/checkpoint/1\n7\n{DIGEST}\n{made['fingerprint']}\n{made['signed_at']}\n".encode()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(made["fingerprint"].removeprefix("ed25519:")))
    key.verify(base64.b64decode(made["signature"], validate=True), text)
    assert DIGEST in [getattr(record, "hash", "") for record in caplog.records], "the node's log keeps it, too"


@pytest.mark.parametrize(
    "head",
    [
        None,
        {"number": 1},
        {"number": 0, "hash": DIGEST},
        {"number": 2**53 + 1, "hash": DIGEST},
        {"number": 1.5, "hash": DIGEST},
        {"number": "1", "hash": DIGEST},
        {"number": 1, "hash": DIGEST.upper()},
        {"number": 1, "hash": DIGEST[:-1]},
        {"number": 1, "hash": DIGEST + "0"},
        {"number": 1, "hash": DIGEST[:-1] + "\n"},
        {"number": 1, "hash": DIGEST + "\n"},
        {"number": 1, "hash": "٣" * 64},
    ],
)
async def test_no_other_text_is_signed(running: Control, head: Any) -> None:
    with pytest.raises(ControlRefused) as caught:
        await running.call("audit/sign", head)
    assert caught.value.code == "INVALID_INPUT"
    assert running.told.asked == []


async def test_a_locked_vault_says_so(running: Control) -> None:
    running.told.failure = vault_locked()
    with pytest.raises(ControlRefused) as caught:
        await running.call("audit/sign", {"number": 1, "hash": DIGEST})
    assert caught.value.code == "VAULT_LOCKED"


@pytest.mark.parametrize(
    "parts",
    [
        (0, DIGEST, "ed25519:" + DIGEST, "2026-01-01T00:00:00Z"),
        (1, "x" * 64, "ed25519:" + DIGEST, "2026-01-01T00:00:00Z"),
        (1, DIGEST, "SHA256:" + DIGEST, "2026-01-01T00:00:00Z"),
        (1, DIGEST, "ed25519:" + DIGEST + "\n", "2026-01-01T00:00:00Z"),
        (1, DIGEST, "ed25519:" + DIGEST, "2026-01-01T00:00:00Z\n"),
    ],
)
def test_a_text_of_another_form_is_never_made(parts: tuple[int, str, str, str]) -> None:
    with pytest.raises(ValueError, match="not the"):
        checkpoint_message(*parts)
