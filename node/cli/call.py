"""`alknet call`: one operation of one node.

Exit status: 0 done, 1 the operation answered with an error, 2 wrong usage, 3 no connection, 4 the node's key is not the
pinned one.
"""

import asyncio
import json
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from node.cli.id import IdentityOption, user_key
from node.cli.options import EXIT_FAILED, EXIT_USAGE, JsonOption, fail
from node.client.call import CallClient
from node.client.home import default_known_nodes
from node.client.known_nodes import KnownNodes, KnownNodesError
from node.core.address import AddressFormatError
from node.core.errors import DialError, PinMismatch
from node.core.fingerprint import KeyFormatError, parse_key
from node.handlers.call.errors import CallError
from node.quic.tls.keys import NodeKey

EXIT_NO_CONNECTION = 3
EXIT_PIN = 4
_MAX_TOKEN = 4096

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as the command line asks for it."""

    address: str
    operation: str
    value: Any
    key: NodeKey | None
    pin: str
    token: str | None = field(repr=False)
    timeout: float


@app.command()
def call(  # noqa: PLR0913 - one parameter for each option
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="HOST:PORT of the node.")],
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="Such as node/whoami.")],
    value: Annotated[str, typer.Argument(metavar="JSON", help="Its input; - reads stdin.")] = "{}",
    *,
    pin: Annotated[str | None, typer.Option("--pin", metavar="KEY", help="The node's key, however spelled.")] = None,
    token: Annotated[str | None, typer.Option("--token", metavar="TEXT", help="A bearer token.")] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="The same, out of a file.")
    ] = None,
    identity: IdentityOption = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Show no key.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0.1, max=3600)] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Call an operation and print its output."""
    # What goes wrong is told by exit status and message; the engine's warnings would only repeat it.
    logging.getLogger().addHandler(logging.NullHandler())
    if anonymous and identity is not None:
        fail("--anonymous and --identity exclude each other", EXIT_USAGE)
    wanted = _Call(
        address=address,
        operation=operation,
        value=_value(value),
        key=None if anonymous else user_key(identity),
        pin=_pin(address, pin),
        token=_token(token, token_file),
        timeout=timeout,
    )
    output = _run(wanted, as_json=as_json)
    typer.echo(json.dumps(output, indent=None if as_json else 2, ensure_ascii=as_json))


def _run(wanted: _Call, *, as_json: bool) -> Any:
    try:
        return asyncio.run(_call(wanted))
    except PinMismatch as error:
        fail(_located(wanted.address, error), EXIT_PIN)
    except DialError as error:
        fail(_located(wanted.address, error), EXIT_NO_CONNECTION)
    except CallError as error:
        _show_error(error, as_json=as_json)
        raise typer.Exit(EXIT_FAILED) from None


def _located(address: str, error: DialError) -> str:
    """The error with the address as it was given, where the error does not name that itself."""
    return str(error) if address in str(error) else f"{address}: {error}"


async def _call(wanted: _Call) -> Any:
    async with CallClient.connect(wanted.address, key=wanted.key, pin=wanted.pin, timeout=wanted.timeout) as client:
        return await client.call(wanted.operation, wanted.value, auth_token=wanted.token, timeout=wanted.timeout)


def _show_error(error: CallError, *, as_json: bool) -> None:
    cause = str(error.__cause__) if error.__cause__ else None
    if not as_json:
        fail(f"{error}{f' ({cause})' if cause else ''}")
    details = {} if error.details is msgspec.UNSET else {"details": error.details}
    shown = {"code": error.code, "message": error.message, "retryable": error.retryable, "cause": cause, **details}
    typer.echo(json.dumps({"error": shown}))


def _value(text: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        fail(f"JSON: {error}", EXIT_USAGE)


def _pin(address: str, pin: str | None) -> str:
    """The key to insist on: the one given, else the one that is trusted. Nothing is trusted because it answers."""
    try:
        known = parse_key(pin) if pin is not None else KnownNodes(default_known_nodes()).fingerprint_of(address)
    except KeyFormatError as error:
        fail(f"--pin: {error}", EXIT_USAGE)
    except AddressFormatError as error:
        fail(f"ADDRESS: {error}", EXIT_USAGE)
    except KnownNodesError as error:
        fail(str(error), EXIT_USAGE)
    if known is None:
        fail(
            f"the key of {address} is not known: give it with --pin FINGERPRINT (`alknet up` shows it), "
            f"or once and for all with: alknet trust {address} FINGERPRINT",
            EXIT_USAGE,
        )
    return known


def _token(text: str | None, file: Path | None) -> str | None:
    if text is not None and file is not None:
        fail("--token and --token-file exclude each other", EXIT_USAGE)
    if file is None:
        return text
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_MAX_TOKEN).strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--token-file {file}: cannot be read: {getattr(error, 'strerror', None) or 'not text'}", EXIT_USAGE)
