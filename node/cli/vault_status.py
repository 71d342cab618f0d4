"""What `alknet vault status` tells: of the vault at rest, of the node's key, and of the running node. No secret."""

from datetime import UTC, datetime
from typing import Any

from node.cli.first_start import custody_of
from node.custody.door_client import NodeUnreachable, ask_door
from node.custody.key_file import key_file_of
from node.custody.record import KeyFileWrap, VaultRecord
from node.quic.tls.keys import load_node_key
from node.settings import Settings

_LABELS = {"identity": "node's key"}
_MOMENTS = ("made", "words_shown")


def facts(settings: Settings) -> dict[str, Any]:
    """In the order in which a person reads them. Raises CustodyError, KeyFileError."""
    record, made_up = custody_of(settings).read(), _made_up(settings)
    told: dict[str, Any] = {"vault": "absent"} if record is None else _at_rest(settings, record)
    told["identity"] = "derived" if made_up is None else "made-up"
    if made_up is not None:
        told["made_up_identity"] = made_up
    return told | _running(settings)


def lines(told: dict[str, Any]) -> list[tuple[str, str]]:
    """The same as a person reads it: names in words, moments to the minute."""
    return [(_LABELS.get(name, name.replace("_", " ")), _text(name, value)) for name, value in told.items()]


def _text(name: str, value: str | None) -> str:
    if value is None:
        return "never"
    if name in _MOMENTS:
        return datetime.fromisoformat(value).strftime("%Y-%m-%d %H:%M UTC")
    return value.replace("key-file", "key file") if name == "protected_by" else value


def _at_rest(settings: Settings, record: VaultRecord) -> dict[str, Any]:
    told: dict[str, Any] = {"vault": "present", "box": record.box, "protected_by": record.protection}
    if isinstance(record.wrapping, KeyFileWrap):
        told["key_file"] = str(key_file_of(record, settings.vault.key_file))
    told |= {"made": _moment(record.created_at), "words_shown": _moment(record.words_shown_at)}
    return told | {"derived_identity": record.identity}


def _running(settings: Settings) -> dict[str, Any]:
    try:
        answer = ask_door(settings.paths.vault_door, "status")
    except NodeUnreachable:
        return {"node": "not running"}
    return {"node": answer.state, "reason": answer.reason} if answer.state == "locked" else {"node": answer.state}


def _made_up(settings: Settings) -> str | None:
    try:
        return load_node_key(settings.paths.node_key).fingerprint
    except FileNotFoundError:
        return None


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
