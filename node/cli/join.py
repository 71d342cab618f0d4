"""`alknet join CODE`: make this machine's key a peer of the node that the code names.

Exit status: 0 admitted, 1 refused, 2 wrong usage, 3 no connection, 4 the node's key is not the one of the code, 5 kept,
and not decided yet, 130 interrupted.
"""

import asyncio
import json
import logging
import socket
import sys
from typing import Annotated

import typer

from node.cli.call_outcome import EXIT_INTERRUPTED, EXIT_NO_CONNECTION, EXIT_PIN
from node.cli.id import IdentityOption, user_key
from node.cli.options import EXIT_FAILED, EXIT_USAGE, JsonOption, fail
from node.client.home import default_known_nodes
from node.client.join import Joined, Joiner, NoAnswer
from node.client.known_nodes import AnotherKeyTrusted, KnownNodes, KnownNodesError
from node.core.enrolment.claim import is_proposable
from node.core.enrolment.code import MAX_CODE, CodeError, InviteCode, parse_code
from node.core.errors import DialError, PinMismatch
from node.core.text import printable
from node.handlers.register.messages import Told, Word

EXIT_KEPT = 5

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def join(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The one-time code; - or nothing reads stdin.")] = "-",
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What to be called; else this machine's name.")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=1, max=86_400, help="How long to wait for a decision.")
    ] = 600.0,
    identity: IdentityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Join a node by a one-time code. Without one it is asked for, and stands in no list of commands."""
    logging.getLogger().addHandler(logging.NullHandler())
    parsed = _code(code)
    proposed = _name(name)
    nodes = KnownNodes(default_known_nodes())
    _check_trust(nodes, parsed)
    joiner = Joiner(parsed, user_key(identity), proposed, _show_sas, _show, _show_problem)
    joined = _run(joiner, parsed, wait)
    if joined.told.word in (Word.ADMITTED, Word.KEPT):
        _trust(nodes, parsed)
    _end(joined, parsed, as_json=as_json)


def _run(joiner: Joiner, code: InviteCode, wait: float) -> Joined:
    try:
        return asyncio.run(joiner.join(wait))
    except PinMismatch as error:
        fail(f"{code.address}: {error}", EXIT_PIN)
    except (NoAnswer, DialError) as error:
        fail(f"{code.address}: {error}", EXIT_NO_CONNECTION)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _code(text: str) -> InviteCode:
    if text == "-":
        text = typer.prompt("Code", err=True) if sys.stdin.isatty() else sys.stdin.read(MAX_CODE + 2)
    try:
        return parse_code(text)
    except CodeError as error:
        fail(f"CODE: {error}", EXIT_USAGE)


def _name(given: str | None) -> str:
    """What was asked for, else the machine's own name where that will do."""
    if given is None:
        own = socket.gethostname().partition(".")[0]
        return own if is_proposable(own) else ""
    if given and not is_proposable(given):
        fail(
            "--name: letters, digits, dots, hyphens and underscores; at most 64, the first a letter or digit",
            EXIT_USAGE,
        )
    return given


def _check_trust(nodes: KnownNodes, code: InviteCode) -> None:
    """Before anything is sent: the code may be somebody else's."""
    try:
        known = nodes.fingerprint_of(code.address)
    except KnownNodesError as error:
        fail(str(error))
    if known not in (None, code.fingerprint):
        fail(str(AnotherKeyTrusted(code.address, known or "")))


def _trust(nodes: KnownNodes, code: InviteCode) -> None:
    try:
        nodes.trust(code.address, code.fingerprint)
    except KnownNodesError as error:
        typer.echo(f"alknet: {error}", err=True)


def _show_sas(sas: str) -> None:
    typer.echo(f"Compare with the panel: {sas}", err=True)


def _show(told: Told) -> None:
    if told.word is Word.QUEUED:
        typer.echo("Waiting for an administrator's decision; Ctrl-C ends the waiting, not the claim.", err=True)


def _show_problem(problem: str) -> None:
    typer.echo(printable(f"{problem}; trying again"), err=True)


def _end(joined: Joined, code: InviteCode, *, as_json: bool) -> None:
    told = joined.told
    if told.word is Word.BUSY:
        fail(printable(f"{code.address}: {told.message}"), EXIT_NO_CONNECTION)
    if as_json:
        facts = {
            "state": told.word,
            "peer_id": told.peer_id or None,
            "sas": joined.sas or None,
            "address": code.address,
        }
        typer.echo(json.dumps(facts | {"fingerprint": code.fingerprint, "message": told.message}))
    elif told.word is Word.ADMITTED:
        typer.echo(printable(f"Joined {code.address} as {told.peer_id}. It is trusted by the key of the code."))
    else:
        typer.echo(printable(f"alknet: {told.message or told.word}"), err=True)
    if told.word is not Word.ADMITTED:
        raise typer.Exit(EXIT_FAILED if told.word is Word.REFUSED else EXIT_KEPT)
