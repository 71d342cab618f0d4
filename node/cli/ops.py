"""`alknet ops`: what this user may call on a node, with types, access and schemas.

Exit status: 0 done, 1 the node answered with an error, 2 wrong usage, 3 no connection, 4 the node's key is not the
pinned one, 130 interrupted.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from node.cli.call_inputs import bearer_token
from node.cli.call_outcome import run_calls
from node.cli.id import IdentityOption, user_key
from node.cli.options import EXIT_USAGE, JsonOption, fail
from node.cli.pinning import pinned_key
from node.cli.schema_text import schema_text
from node.cli.table import table
from node.client.call import CallClient
from node.handlers.call.errors import CallError, ErrorCode, internal

T = TypeVar("T")

AT_ONCE = 32
"""Schemas that are asked for together."""
_HEADER = ("OPERATION", "TYPE", "ACCESS", "INPUT", "OUTPUT")

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


class _Named(msgspec.Struct):
    name: str


class _Listed(msgspec.Struct):
    operations: list[_Named]


class _Access(msgspec.Struct):
    required_scopes: list[str] = []
    required_scopes_any: list[str] | None = None
    resource_type: str | None = None
    resource_action: str | None = None


class _Spec(msgspec.Struct):
    """What of a spec is shown. A node of another make may leave things out."""

    name: str
    op_type: str = "?"
    input_schema: Any = None
    output_schema: Any = None
    access_control: _Access = msgspec.field(default_factory=_Access)


@app.command()
def ops(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="HOST:PORT of the node.")],
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
    """List the operations of a node that you may call. With --json, each with its whole schemas."""
    # What goes wrong is told by exit status and message; the engine's warnings would only repeat it.
    logging.getLogger().addHandler(logging.NullHandler())
    if anonymous and identity is not None:
        fail("--anonymous and --identity exclude each other", EXIT_USAGE)
    key = None if anonymous else user_key(identity)
    pinned, bearer = pinned_key(address, pin), bearer_token(token, token_file)

    async def ask() -> list[dict[str, Any]]:
        async with CallClient.connect(address, key=key, pin=pinned, timeout=timeout) as client:
            return await specs_of(client, bearer, timeout)

    found = run_calls(address, ask(), as_json=as_json)
    typer.echo(json.dumps({"operations": found}) if as_json else table(_HEADER, [_row(spec) for spec in found]))


async def specs_of(client: CallClient, token: str | None, timeout: float) -> list[dict[str, Any]]:
    """The spec of every operation that the node lists, by name. Raises CallError; `timeout` in seconds is of each call.

    One that is gone by the time that its schema is asked for is left out.
    """
    listed = _read(await client.call("services/list", {}, auth_token=token, timeout=timeout), _Listed)
    names = sorted({operation.name for operation in listed.operations})
    found: list[dict[str, Any]] = []
    for start in range(0, len(names), AT_ONCE):
        asked = [("services/schema", {"name": name}) for name in names[start : start + AT_ONCE]]
        found += _there(await client.batch(asked, auth_token=token, timeout=timeout))
    return found


def _there(outcomes: list[Any]) -> list[dict[str, Any]]:
    found = []
    for outcome in outcomes:
        if not isinstance(outcome, CallError):
            _read(outcome, _Spec)
            found.append(outcome)
        elif outcome.code != ErrorCode.NOT_FOUND:
            raise outcome
    return found


def _read(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise internal(f"the node's answer is not what the protocol says: {error}") from None


def _row(spec: Mapping[str, Any]) -> tuple[str, ...]:
    shown = msgspec.convert(spec, _Spec)
    taken, given = schema_text(shown.input_schema), schema_text(shown.output_schema)
    return shown.name, shown.op_type, _access_text(shown.access_control), taken, given


def _access_text(access: _Access) -> str:
    """Who may call, in a few words."""
    parts = list(access.required_scopes)
    if access.required_scopes_any is not None:
        parts.append(f"one of {', '.join(access.required_scopes_any) or 'none'}")
    if access.resource_type is not None or access.resource_action is not None:
        parts.append(f"resource {access.resource_type or 'any'}/{access.resource_action or 'any'}")
    return " and ".join(parts) or "anybody"
