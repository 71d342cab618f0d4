"""`alknet --remote URL …`: the same commands by the REST API of another machine's panel, with the same outcomes.

`node.cli.manage.request` asks here where a remote panel was chosen. What comes back has the shape that the management
commands give, so that a command prints one as it prints the other.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from node.cli.options import EXIT_USAGE, fail
from node.cli.remote_choice import Choice
from node.cli.secrets_in import ask_secret
from node.client.rest import RestClient, Transport, Trust, parse_address
from node.client.rest.errors import Conflict, Refused, RestError, WrongAddress, WrongToken
from node.client.rest.models import Model, Peer
from node.core.capabilities import Secret
from node.core.text import printable
from node.private_file import UnusableFile, read_private

Values = Mapping[str, Any]
_MAX_TOKEN_FILE = 4096
_PIN = re.compile(r"SHA256:[0-9a-f]{64}")
_NOBODY: dict[str, Any] = {
    "connected": 0,
    "protocols": [],
    "last_seen": None,
    "last_address": None,
    "last_protocol": None,
}
"""The presence of a peer that the panel tells none of."""


def ask(choice: Choice, command: str, action: str, values: Values) -> Any:
    """The outcome of one action of a management command, over REST. Ends the command on any error."""
    asked = _ACTIONS.get((command, action))
    if asked is None:
        fail(f"this cannot be done with --remote ({command} {action}): run it on the machine itself", EXIT_USAGE)
    try:
        return asked(_client(choice), values)
    except Refused as error:
        _tell(error)
    except RestError as error:
        fail(printable(str(error)))


def _client(choice: Choice) -> RestClient:
    try:
        address = parse_address(choice.url)
    except WrongAddress as error:
        fail(f"--remote {printable(choice.url)}: {error}", EXIT_USAGE)
    if choice.pin is not None and not _PIN.fullmatch(choice.pin):
        fail("--pin: expected SHA256: and the 64 lower-case hex digits of the server's certificate", EXIT_USAGE)
    try:
        return RestClient(Transport(address, _token(choice.token_file), Trust(choice.pin, choice.ca_file)))
    except WrongToken as error:
        fail(str(error), EXIT_USAGE)


def _token(file: Path | None) -> Secret:
    """From a file that nobody else may read, or from a prompt."""
    if file is None:
        with ask_secret("API token", "--token-file") as typed:
            return Secret(typed.reveal())
    try:
        return Secret(read_private(file.expanduser(), _MAX_TOKEN_FILE).decode("ascii").strip())
    except (UnusableFile, FileNotFoundError) as error:
        fail(f"--token-file: {error if isinstance(error, UnusableFile) else f'there is no {file}'}", EXIT_USAGE)
    except UnicodeDecodeError:
        fail(f"--token-file {file}: holds no token", EXIT_USAGE)


def _tell(error: Refused) -> None:
    """Each field's messages, or what the server says of all."""
    lines = [f"{name}: {text}" for name, texts in error.errors.items() for text in texts] or [str(error)]
    fail("\nalknet: ".join(map(printable, lines)))


def _plain(model: Model) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(model)
    return plain


def _peer(peer: Peer, **more: Any) -> dict[str, Any]:
    """As the management command has it."""
    plain = _plain(peer)
    fingerprints, spellings = plain.pop("keys"), plain.pop("spellings")
    return {**plain, "fingerprints": fingerprints, "keys": spellings, **more}


def _fields(values: Values, *without: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in without}


def _add(client: RestClient, values: Values) -> Any:
    name = values["peer_id"]
    try:
        made = client.add_peer(name, _fields(values, "peer_id", "token"))
    except Conflict:
        fail(printable(f"peer_id: There is a peer “{name}” already."))
    return _with_token(client, made, values)


def _set(client: RestClient, values: Values) -> Any:
    changed = client.change_peer(values["peer_id"], _fields(values, "peer_id", "token"))
    return _with_token(client, changed, values)


def _with_token(client: RestClient, peer: Peer, values: Values) -> Any:
    if not values.get("token"):
        return _peer(peer)
    return _peer(peer, token=client.issue_peer_token(peer.peer_id), has_token=True)


def _show(client: RestClient, values: Values) -> Any:
    peer = client.peer(values["peer_id"])
    return _peer(peer, presence=_presence(client, peer.peer_id).get(peer.peer_id, _NOBODY))


def _list(client: RestClient, values: Values) -> Any:
    found = list(client.peers(search=values.get("search", ""), enabled=values.get("enabled")))
    present = _presence(client, None)
    return [_peer(peer, presence=present.get(peer.peer_id, _NOBODY)) for peer in found]


def _presence(client: RestClient, peer_id: str | None) -> dict[str, Any]:
    """By name; of nobody where the token does not let see it."""
    try:
        found = client.presence() if peer_id is None else iter([client.presence_of(peer_id)])
        return {one.peer_id: _fields(_plain(one), "peer_id") for one in found}
    except Refused as error:
        if error.status == 403:
            return {}
        raise


def _switch(*, enabled: bool) -> Callable[[RestClient, Values], Any]:
    return lambda client, values: _peer(client.change_peer(values["peer_id"], {"enabled": enabled}))


def _remove(client: RestClient, values: Values) -> Any:
    peer = client.peer(values["peer_id"])
    client.remove_peer(peer.peer_id)
    return _peer(peer)


def _import(client: RestClient, values: Values) -> Any:
    content = base64.b64decode(values["content"])
    dry_run, replace = bool(values.get("dry_run")), bool(values.get("replace"))
    return _plain(client.import_peers(values["format"], content, dry_run=dry_run, replace=replace))


def _export(client: RestClient, values: Values) -> Any:
    return {"content": client.export_peers(values["format"]).decode()}


def _remove_key(client: RestClient, values: Values) -> Any:
    key = client.api_key(values["prefix"])
    client.remove_api_key(key.prefix)
    return _plain(key)


def _lock(client: RestClient, values: Values) -> Any:
    wish = _fields(values, "seconds")
    if "seconds" in values:
        wish["expires_at"] = time.time() + values["seconds"]
    return _plain(client.place_lock(wish))


def _unlock(client: RestClient, values: Values) -> Any:
    """By a beginning that only one lock has."""
    found = [lock for lock in client.locks() if lock.id.startswith(values["id"])]
    if len(found) != 1:
        fail(f"{'no lock' if not found else 'more than one lock'} has an id that begins with this")
    client.lift_lock(found[0].id)
    return _plain(found[0])


def _activity(client: RestClient, values: Values) -> Any:
    filters = _fields(values, "kinds", "limit", "before") | {"kind": values.get("kinds")}
    if "before" in values:
        fail("--before cannot be used with --remote: use --until", EXIT_USAGE)
    return [_plain(event) | {"told": event.reason} for event in islice(client.events(**filters), values["limit"])]


def _audit(client: RestClient, values: Values) -> Any:
    if values.get("before") is not None:
        fail("--before cannot be used with --remote: use --until", EXIT_USAGE)
    found = client.changes(**_fields(values, "limit", "before"))
    return [_plain(change) for change in islice(found, values.get("limit") or 50)]


_ACTIONS: Mapping[tuple[str, str], Callable[[RestClient, Values], Any]] = {
    ("peers", "add"): _add,
    ("peers", "set"): _set,
    ("peers", "show"): _show,
    ("peers", "list"): _list,
    ("peers", "enable"): _switch(enabled=True),
    ("peers", "disable"): _switch(enabled=False),
    ("peers", "rename"): lambda client, values: _peer(client.rename_peer(values["peer_id"], values["new_peer_id"])),
    ("peers", "remove"): _remove,
    ("peers", "import"): _import,
    ("peers", "export"): _export,
    ("api_keys", "add"): lambda client, values: _plain(client.add_api_key(values)),
    ("api_keys", "list"): lambda client, _: [_plain(key) for key in client.api_keys()],
    ("api_keys", "remove"): _remove_key,
    ("locks", "lock"): _lock,
    ("locks", "unlock"): _unlock,
    ("locks", "list"): lambda client, _: [_plain(lock) for lock in client.locks()],
    ("invites", "invite"): lambda client, values: _plain(client.invite(values)),
    ("invites", "list"): lambda client, _: [_plain(invite) for invite in client.invites()],
    ("access", "check"): lambda client, values: {"step": "", **client.check_access(values)},
    ("activity", "list"): _activity,
    ("audit", "list"): _audit,
}
"""What can be done remotely, as the management commands call it."""
