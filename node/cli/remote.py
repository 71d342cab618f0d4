"""`alknet --remote URL …`: the same commands by the REST API of another machine's panel, with the same outcomes.

`node.cli.manage.request` asks here where a remote panel was chosen. What comes back has the shape that the management
commands give, so that a command prints one as it prints the other.
"""

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from node.cli import remote_enrolment, remote_forwarding, remote_log, remote_peers, remote_secrets
from node.cli.options import EXIT_USAGE, fail
from node.cli.remote_choice import Choice
from node.cli.remote_forms import Values, fields, plain
from node.cli.secrets_in import ask_secret
from node.client.rest import RestClient, Transport, Trust, parse_address
from node.client.rest.errors import Refused, RestError, WrongAddress, WrongToken
from node.core.capabilities import Secret
from node.core.text import printable
from node.private_file import UnusableFile, read_private

Progress = Callable[[Mapping[str, Any]], None]
_MAX_TOKEN_FILE = 4096
_PIN = re.compile(r"SHA256:[0-9a-f]{64}")


def ask(choice: Choice, command: str, action: str, values: Values, progress: Progress | None = None) -> Any:
    """The outcome of one action of a management command, over REST. Ends the command on any error."""
    act = _ACTIONS.get((command, action))
    if progress is not None and (told := _TOLD_AS_IT_GOES.get((command, action))) is not None:
        act = partial(told, progress)
    if act is None:
        fail(f"this cannot be done with --remote ({command} {action}): run it on the machine itself", EXIT_USAGE)
    try:
        return act(_client(choice), values)
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


def _remove_key(client: RestClient, values: Values) -> Any:
    key = client.api_key(values["prefix"])
    client.remove_api_key(key.prefix)
    return plain(key)


def _lock(client: RestClient, values: Values) -> Any:
    return plain(client.place_lock(_with_end(values)))


def _with_end(values: Values) -> dict[str, Any]:
    """The same with `expires_at` for `seconds` from now."""
    end = {"expires_at": time.time() + values["seconds"]} if "seconds" in values else {}
    return fields(values, "seconds") | end


def _unlock(client: RestClient, values: Values) -> Any:
    """By a beginning that only one lock has."""
    found = [lock for lock in client.locks() if lock.id.startswith(values["id"])]
    if len(found) != 1:
        fail(f"{'no lock' if not found else 'more than one lock'} has an id that begins with this")
    client.lift_lock(found[0].id)
    return plain(found[0])


def _unassert(client: RestClient, values: Values) -> Any:
    client.remove_assertion(values["id"])
    return {"removed": 1}


def _grants(client: RestClient, _: Values) -> Any:
    """The newest first."""
    found = sorted(client.grants(), key=lambda grant: grant.id)
    return [plain(grant) for grant in sorted(found, key=lambda grant: grant.created_at, reverse=True)]


def _revoke_grant(client: RestClient, values: Values) -> Any:
    client.revoke_grant(values["id"])
    return {"removed": 1}


_ACTIONS: Mapping[tuple[str, str], Callable[[RestClient, Values], Any]] = {
    **{("peers", name): act for name, act in remote_peers.ACTIONS.items()},
    **{("invites", name): act for name, act in remote_enrolment.ACTIONS.items()},
    **remote_secrets.ACTIONS,
    **remote_forwarding.ACTIONS,
    ("api_keys", "add"): lambda client, values: plain(client.add_api_key(values)),
    ("api_keys", "list"): lambda client, _: [plain(key) for key in client.api_keys()],
    ("api_keys", "remove"): _remove_key,
    ("locks", "lock"): _lock,
    ("locks", "unlock"): _unlock,
    ("locks", "list"): lambda client, _: [plain(lock) for lock in client.locks()],
    ("access", "check"): lambda client, values: {"step": "", **client.check_access(values)},
    ("access", "assert"): lambda client, values: plain(client.add_assertion(values)),
    ("access", "assertions"): lambda client, _: [plain(one) for one in client.assertions()],
    ("access", "unassert"): _unassert,
    ("access", "grant"): lambda client, values: plain(client.grant_access(_with_end(values))),
    ("access", "grants"): _grants,
    ("access", "revoke"): _revoke_grant,
    ("activity", "list"): remote_log.activity,
    ("audit", "list"): remote_log.changes,
    ("audit", "verify"): remote_log.verify,
    ("audit", "checkpoint"): lambda client, _: client.sign_log(),
}
"""What can be done remotely, as the management commands call it."""
_TOLD_AS_IT_GOES: Mapping[tuple[str, str], Callable[[Progress, RestClient, Values], Any]] = {
    ("audit", "export"): remote_log.export,
}
