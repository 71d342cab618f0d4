"""What `alknet doctor` finds out about the vault."""

import os

from node.cli.first_start import custody_of
from node.cli.words import NEVER_SHOWN
from node.core.finding import Finding, Level
from node.custody.custody import Custody
from node.custody.door_client import NodeUnreachable, ask_door
from node.custody.errors import CustodyError
from node.custody.key_file import key_file_of, read_key, usual_key_file
from node.custody.record import KeyFileWrap, VaultRecord
from node.custody.sealing import wipe
from node.settings import Settings

NAME = "vault"


def vault(settings: Settings) -> Finding:
    """Whether the vault is there, can be opened by what opens it, and its words have been seen."""
    custody = custody_of(settings)
    try:
        record = custody.read()
        if record is None:
            return Finding(NAME, Level.FINE, "there is none yet: the first start makes it, or alknet vault init")
        _check_key_file(custody, record)
        return _locked(settings) or _leftover(custody, record) or _seen(record)
    except CustodyError as error:
        return Finding(NAME, Level.PROBLEM, str(error))


def _check_key_file(custody: Custody, record: VaultRecord) -> None:
    """Raises KeyUnavailable."""
    if isinstance(record.wrapping, KeyFileWrap):
        wipe(read_key(key_file_of(record, custody.key_file)))


def _locked(settings: Settings) -> Finding | None:
    try:
        answer = ask_door(settings.paths.vault_door, "status")
    except NodeUnreachable:
        return None
    if answer.state == "unlocked":
        return None
    return Finding(NAME, Level.WARNING, f"locked in the running node: {answer.reason}")


def _leftover(custody: Custody, record: VaultRecord) -> Finding | None:
    """A change of protection that was cut off between its last two steps leaves a key file that opens older copies."""
    old = usual_key_file(record.box)
    # os.path asks where Path would raise: under another user's home, say.
    if not os.path.lexists(old) or (
        isinstance(record.wrapping, KeyFileWrap) and key_file_of(record, custody.key_file) == old
    ):
        return None
    return Finding(NAME, Level.WARNING, f"{old} opens this vault no more, but older copies of it: remove that file")


def _seen(record: VaultRecord) -> Finding:
    if record.words_shown_at is None:
        return Finding(NAME, Level.WARNING, NEVER_SHOWN)
    return Finding(NAME, Level.FINE, f"protected by a {record.protection.replace('-', ' ')}; its words have been shown")
