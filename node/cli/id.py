"""`alknet id`: the user's own key."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import EXIT_USAGE, JsonOption, fail
from node.client.home import default_identity
from node.core.errors import TlsConfigError
from node.core.fingerprint import spellings
from node.quic.tls.keys import NodeKey, load_node_key, load_or_create_node_key

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

IdentityOption = Annotated[
    Path | None, typer.Option("--identity", metavar="FILE", help="Private key; default ~/.config/alknet/identity.")
]


@app.command()
def id_(*, identity: IdentityOption = None, as_json: JsonOption = False) -> None:
    """Show every spelling of this user's public key, making the key on first use."""
    names = spellings(_key(identity).fingerprint)
    if as_json:
        typer.echo(json.dumps(asdict(names)))
        return
    typer.echo(f"fingerprint  {names.fingerprint}")
    typer.echo(f"openssh      {names.openssh}")
    typer.echo(f"ssh-keygen   {names.openssh_fingerprint}")
    typer.echo(names.pem or "", nl=False)


def user_key(identity: Path | None) -> NodeKey:
    """The key to show to a node. Only the user's own is made on first use; a file that is named must exist."""
    if identity is None:
        return _key(None)
    try:
        return load_node_key(identity)
    except FileNotFoundError:
        fail(f"{identity}: no such file; make it with: alknet id --identity {identity}", EXIT_USAGE)
    except TlsConfigError as error:
        fail(str(error), EXIT_USAGE)


def _key(identity: Path | None) -> NodeKey:
    try:
        return load_or_create_node_key(identity or default_identity())
    except TlsConfigError as error:
        fail(str(error))
