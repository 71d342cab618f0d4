"""Peers by REST, as `manage.py peers` answers: the actions of `alknet --remote … peer`."""

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

from node.cli.options import fail
from node.cli.remote_forms import Values, fields, plain
from node.client.rest import RestClient
from node.client.rest.errors import Conflict, Refused
from node.client.rest.models import Peer
from node.core.fingerprint import KeyFormatError, parse_key
from node.core.text import printable

_NOBODY: dict[str, Any] = {
    "connected": 0,
    "protocols": [],
    "last_seen": None,
    "last_address": None,
    "last_protocol": None,
}
"""The presence of a peer that the panel tells none of."""


def _peer(peer: Peer, **more: Any) -> dict[str, Any]:
    """As the management command has it."""
    values = plain(peer)
    fingerprints, spellings = values.pop("keys"), values.pop("spellings")
    return {**values, "fingerprints": fingerprints, "keys": spellings, **more}


def _add(client: RestClient, values: Values) -> Any:
    name = values["peer_id"]
    try:
        made = client.add_peer(name, fields(values, "peer_id", "token"))
    except Conflict:
        fail(printable(f"peer_id: There is a peer “{name}” already."))
    return _with_token(client, made, values)


def _set(client: RestClient, values: Values) -> Any:
    changed = client.change_peer(values["peer_id"], fields(values, "peer_id", "token"))
    return _with_token(client, changed, values)


def _with_token(client: RestClient, peer: Peer, values: Values) -> Any:
    if not values.get("token"):
        return _peer(peer)
    return _peer(peer, token=client.issue_peer_token(peer.peer_id), has_token=True)


def _show(client: RestClient, values: Values) -> Any:
    peer = client.peer(values["peer_id"])
    present, held = _presence(client, peer.peer_id), _locks(client)
    return _peer(peer, presence=present.get(peer.peer_id, _NOBODY), locks=_on(peer, held))


def _list(client: RestClient, values: Values) -> Any:
    found = list(client.peers(search=values.get("search", ""), enabled=values.get("enabled")))
    present, held = _presence(client, None), _locks(client)
    return [_peer(peer, presence=present.get(peer.peer_id, _NOBODY), locks=_on(peer, held)) for peer in found]


def _presence(client: RestClient, peer_id: str | None) -> dict[str, Any]:
    """By name; of nobody where the token does not let see it."""
    try:
        found = client.presence() if peer_id is None else iter([client.presence_of(peer_id)])
        return {one.peer_id: fields(plain(one), "peer_id") for one in found}
    except Refused as error:
        if error.status == 403:
            return {}
        raise


def _locks(client: RestClient) -> list[dict[str, Any]]:
    """Those that keep peers out now, of everything first; none where the token does not let see them."""
    try:
        held = [plain(lock) for lock in client.locks() if lock.holds and lock.target_kind in ("peer", "everything")]
        return sorted(held, key=lambda lock: lock["target_kind"] == "peer")
    except Refused as error:
        if error.status == 403:
            return []
        raise


def _on(peer: Peer, held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [lock for lock in held if lock["target_kind"] == "everything" or lock["target"] == peer.peer_id]


def _switch(*, enabled: bool) -> Callable[[RestClient, Values], Any]:
    return lambda client, values: _peer(client.change_peer(values["peer_id"], {"enabled": enabled}))


def _remove(client: RestClient, values: Values) -> Any:
    peer = client.peer(values["peer_id"])
    client.remove_peer(peer.peer_id)
    return _peer(peer)


def _import(client: RestClient, values: Values) -> Any:
    content = base64.b64decode(values["content"])
    dry_run, replace = bool(values.get("dry_run")), bool(values.get("replace"))
    return plain(client.import_peers(values["format"], content, dry_run=dry_run, replace=replace))


def _export(client: RestClient, values: Values) -> Any:
    return {"content": client.export_peers(values["format"]).decode()}


def _expire(client: RestClient, values: Values) -> Any:
    """`seconds` from now, or `expires_at`, or neither: never. With `key`, that key of the peer alone."""
    peer_id, seconds = values["peer_id"], values.get("seconds")
    end = values.get("expires_at") if seconds is None else time.time() + seconds
    if values.get("key") is None:
        return _peer(client.change_peer(peer_id, {"expires_at": end}))
    peer = client.peer(peer_id)
    ends = {**peer.key_expires_at, _own_key(peer, values["key"]): end}
    return _peer(client.change_peer(peer_id, {"key_expires_at": ends}))


def _own_key(peer: Peer, key: str) -> str:
    try:
        name = parse_key(key)
    except KeyFormatError as error:
        fail(printable(f"key: {error}."))
    if name not in peer.keys:
        fail(printable(f"key: This is no key of the peer “{peer.peer_id}”."))
    return name


def _rotate(client: RestClient, values: Values) -> Any:
    overlap = values.get("overlap") or 0.0
    return _peer(client.rotate_key(values["peer_id"], values["old"], values["new"], overlap_seconds=overlap))


ACTIONS: Mapping[str, Callable[[RestClient, Values], Any]] = {
    "add": _add,
    "set": _set,
    "show": _show,
    "list": _list,
    "enable": _switch(enabled=True),
    "disable": _switch(enabled=False),
    "rename": lambda client, values: _peer(client.rename_peer(values["peer_id"], values["new_peer_id"])),
    "remove": _remove,
    "expire": _expire,
    "rotate": _rotate,
    "note": lambda client, values: _peer(client.change_peer(values["peer_id"], {"notes": values["notes"]})),
    "import": _import,
    "export": _export,
}
"""By the names of the management command."""
