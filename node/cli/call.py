"""`alknet call`: one operation of one node.

Exit status: 0 done, 1 the operation answered with an error, 2 wrong usage, 3 no connection, 4 the node's key is not the
pinned one, 130 interrupted.
"""

import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.call_inputs import bearer_token, claim, input_value
from node.cli.call_outcome import run_calls
from node.cli.id import IdentityOption, user_key
from node.cli.options import EXIT_USAGE, JsonOption, fail
from node.cli.pinning import pinned_key
from node.client.call import CallClient
from node.core.identity import Identity
from node.handlers.call.errors import CallError
from node.handlers.call.operation import OperationType
from node.quic.tls.keys import NodeKey

_TIMEOUT = 30.0
_LOOK_UP = 3.0
"""Seconds for the question of what type an operation is, which was answered already."""

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as the command line asks for it. `timeout` in seconds is None where none was given."""

    address: str
    operation: str
    value: Any
    key: NodeKey | None
    pin: str
    token: str | None = field(repr=False)
    forwarded_for: Identity | None
    timeout: float | None
    subscribes: bool


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
    forwarded_for: Annotated[
        str | None, typer.Option("--forwarded-for", metavar="JSON", help="On whose behalf; a claim without rights.")
    ] = None,
    identity: IdentityOption = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Show no key.")] = False,
    subscribe: Annotated[
        bool, typer.Option("--subscribe", help="Print each item as one line of JSON; Ctrl-C ends it.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", min=0.1, max=3600, help="30 if not given; of a subscription the whole."
        ),
    ] = None,
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
        value=input_value(value),
        key=None if anonymous else user_key(identity),
        pin=pinned_key(address, pin),
        token=bearer_token(token, token_file),
        forwarded_for=claim(forwarded_for),
        timeout=timeout,
        subscribes=subscribe,
    )
    show = _show_line if subscribe or as_json else _show
    run_calls(address, _call(wanted, show), as_json=as_json)


async def _call(wanted: _Call, show: Callable[[Any], None]) -> None:
    limit = wanted.timeout or _TIMEOUT
    whose: dict[str, Any] = {"auth_token": wanted.token, "forwarded_for": wanted.forwarded_for}
    async with CallClient.connect(wanted.address, key=wanted.key, pin=wanted.pin, timeout=limit) as client:
        if not wanted.subscribes:
            show(await client.call(wanted.operation, wanted.value, timeout=limit, **whose))
            if await _is_subscription(client, wanted):
                typer.echo(f"{wanted.operation} is a subscription, and this its first item; see --subscribe", err=True)
            return
        items = client.subscribe(wanted.operation, wanted.value, timeout=wanted.timeout, **whose)
        async with contextlib.aclosing(items):
            async for item in items:
                show(item)


async def _is_subscription(client: CallClient, wanted: _Call) -> bool:
    """Whether the node says so. One that says nothing has answered all the same."""
    name = {"name": wanted.operation.removeprefix("/")}
    try:
        shown = await client.call("services/schema", name, auth_token=wanted.token, timeout=_LOOK_UP)
    except CallError:
        return False
    return isinstance(shown, dict) and shown.get("op_type") == OperationType.SUBSCRIPTION


def _show(output: Any) -> None:
    """JSON for people: characters that could steer a terminal are escaped."""
    text = json.dumps(output, indent=2, ensure_ascii=False)
    typer.echo("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def _show_line(output: Any) -> None:
    """One line, on its way at once."""
    typer.echo(json.dumps(output))
