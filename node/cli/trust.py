"""`alknet trust`: which nodes this user trusts, and by which key."""

import json
from typing import Annotated, NoReturn

import typer

from node.cli.options import EXIT_USAGE, JsonOption, fail
from node.cli.table import table
from node.client.home import default_known_nodes
from node.client.known_nodes import KnownNodes, KnownNodesError
from node.core.address import AddressFormatError
from node.core.fingerprint import KeyFormatError, parse_key

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def trust(
    address: Annotated[str | None, typer.Argument(metavar="ADDRESS", help="HOST:PORT of the node.")] = None,
    fingerprint: Annotated[str | None, typer.Argument(metavar="FINGERPRINT", help="Its key, however spelled.")] = None,
    *,
    show: Annotated[bool, typer.Option("--list", help="List the trusted nodes.")] = False,
    remove: Annotated[str | None, typer.Option("--remove", metavar="ADDRESS", help="Trust this one no longer.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Remember the key of a node, so that `alknet call` needs no --pin."""
    nodes = KnownNodes(default_known_nodes())
    try:
        if show and address is None and remove is None:
            _list(nodes, as_json=as_json)
        elif remove is not None and address is None and not show:
            _remove(nodes, remove)
        elif address is not None and fingerprint is not None and not show and remove is None:
            nodes.trust(address, parse_key(fingerprint))
            typer.echo(f"Trusts {address} by this key.")
        else:
            _usage("expected ADDRESS FINGERPRINT, or --list, or --remove ADDRESS")
    except AddressFormatError as error:
        _usage(f"ADDRESS: {error}")
    except KeyFormatError as error:
        _usage(f"FINGERPRINT: {error}")
    except KnownNodesError as error:
        fail(str(error))


def _list(nodes: KnownNodes, *, as_json: bool) -> None:
    known = nodes.all()
    typer.echo(json.dumps(known) if as_json else table(("ADDRESS", "FINGERPRINT"), sorted(known.items())))


def _remove(nodes: KnownNodes, address: str) -> None:
    if not nodes.remove(address):
        fail(f"{address} is not trusted")
    typer.echo(f"Trusts {address} no longer.")


def _usage(message: str) -> NoReturn:
    fail(message, EXIT_USAGE)
