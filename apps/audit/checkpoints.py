"""Checkpoints of the audit log: taken by having the node sign its head, kept, and verified."""

import base64
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import transaction

from apps.audit.models import AuditEntry, Checkpoint
from apps.audit.verification import Marks, Verified, verify
from node.control.client import ControlClient, ControlRefused, NodeUnreachable
from node.core.checkpoint import checkpoint_message

DOWN = "The node does not answer, and its key signs the checkpoints. If it does not run, start it with: alknet up."
LOCKED = "The vault is locked, and the node's key is behind it. Unlock it with: alknet vault unlock."
REFUSED = "The node did not sign it; its log says why."
EMPTY = "There is nothing to sign: no change has been recorded yet."
BROKEN = "The log is not as it was written, and is not signed so: alknet audit verify."

_FIELDS = ("number", "hash", "fingerprint", "signed_at", "signature")


class NoCheckpoint(Exception):
    """None was taken; the message is a sentence of ours that says why."""


@dataclass(frozen=True, slots=True)
class BadCheckpoint:
    """One that is not as the node signed it, or is gone."""

    id: int
    words: str


def take_checkpoint() -> Checkpoint:
    """Have the node sign the head, after what was added since the newest checkpoint has been verified.

    The newest one itself, where nothing was added since. Raises NoCheckpoint. Call it outside of a transaction: the
    node may take seconds to answer, and the database would be held for so long.
    """
    newest = newest_checkpoint()
    head = _verified_since(newest)
    if newest is not None and newest.number == head.number:
        return newest
    return _stored(_signed(head))


def newest_checkpoint() -> Checkpoint | None:
    """Of those whose signature holds, the one of the most rows."""
    return next((one for one in Checkpoint.objects.order_by("-number", "-id") if is_signed(one)), None)


def is_signed(checkpoint: Checkpoint) -> bool:
    """Whether the key that it names has signed it. Whose key that is remains to be asked."""
    try:
        text = checkpoint_message(checkpoint.number, checkpoint.hash, checkpoint.fingerprint, checkpoint.signed_at)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(checkpoint.fingerprint.removeprefix("ed25519:")))
        signature = base64.b64decode(checkpoint.signature, validate=True)
        key.verify(signature, text)
    except (ValueError, TypeError, AttributeError, InvalidSignature):
        return False
    return base64.b64encode(signature).decode() == checkpoint.signature  # not another spelling of it


def checkpoint_json(checkpoint: Checkpoint) -> dict[str, Any]:
    """For programs, and for others to verify (docs/audit.md)."""
    return {name: getattr(checkpoint, name) for name in _FIELDS}


def marks() -> Marks:
    """What the checkpoints that hold say of the chain."""
    found: dict[int, list[str]] = {}
    for checkpoint in filter(is_signed, Checkpoint.objects.all()):
        found.setdefault(checkpoint.number, []).append(checkpoint.hash)
    return found


def bad_checkpoints(keys: tuple[str, ...] = ()) -> list[BadCheckpoint]:
    """Those that do not hold, those that others signed than `keys`, where any are given, and those that are gone."""
    bad, awaited = [], 1
    for checkpoint in Checkpoint.objects.order_by("id"):
        if checkpoint.pk != awaited:
            bad.append(BadCheckpoint(awaited, "It is missing."))
        awaited = checkpoint.pk + 1
        if not is_signed(checkpoint):
            bad.append(BadCheckpoint(checkpoint.pk, "Its signature does not hold: it was edited, or never signed."))
        elif keys and checkpoint.fingerprint not in keys:
            bad.append(BadCheckpoint(checkpoint.pk, f"Another key has signed it: {checkpoint.fingerprint}."))
    return bad


def _verified_since(newest: Checkpoint | None) -> Verified:
    """The head of the log, if all holds that came after the newest checkpoint, and that one."""
    start = Verified()
    if newest is not None:
        start = Verified(newest.number, newest.hash)
        if not AuditEntry.objects.filter(pk=newest.number, hash=newest.hash).exists():
            raise NoCheckpoint(BROKEN)
    *_, head = verify({}, start)
    if head.broken is not None:
        raise NoCheckpoint(BROKEN)
    if head.number == 0:
        raise NoCheckpoint(EMPTY)
    return head


def _signed(head: Verified) -> Checkpoint:
    """The node's answer, checked like any other text from outside."""
    try:
        with ControlClient(settings.PATHS.control_socket) as node:
            answer = node.call("audit/sign", {"number": head.number, "hash": head.hash})
    except NodeUnreachable:
        raise NoCheckpoint(DOWN) from None
    except ControlRefused as error:
        raise NoCheckpoint(LOCKED if error.code == "VAULT_LOCKED" else REFUSED) from None
    checkpoint = _read(answer)
    if checkpoint is None or (checkpoint.number, checkpoint.hash) != (head.number, head.hash):
        raise NoCheckpoint(REFUSED)
    return checkpoint


def _read(answer: Any) -> Checkpoint | None:
    if not isinstance(answer, dict) or not isinstance(answer.get("number"), int):
        return None
    checkpoint = Checkpoint(**{name: answer.get(name) for name in _FIELDS})
    return checkpoint if is_signed(checkpoint) else None


def _stored(checkpoint: Checkpoint) -> Checkpoint:
    with transaction.atomic():
        last = Checkpoint.objects.order_by("-id").first()
        checkpoint.pk = 1 if last is None else last.pk + 1
        checkpoint.save(force_insert=True)
    return checkpoint
