"""`alknet ssh-config`: what OpenSSH needs in its configuration to come through `alknet nc`."""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from node.cli.id import user_key
from node.cli.options import EXIT_USAGE, fail
from node.client.home import default_identity, default_known_nodes
from node.client.known_nodes import DEFAULT_PORT, KnownNodes, KnownNodesError, normal_address
from node.core.address import AddressFormatError, parse_host_port
from node.core.text import printable

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:%-]*")
"""OpenSSH puts the host into a command for the shell as it is, and takes `*`, `?`, `!` and `,` for patterns."""
CIPHERS = "aes128-gcm@openssh.com,aes256-gcm@openssh.com"
"""The node's fastest. OpenSSH before 10 would take AES-CTR, which costs the node four times as much."""

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command(name="ssh-config")
def ssh_config(
    node: Annotated[str | None, typer.Argument(metavar="NODE", help="HOST:PORT; else every trusted node.")] = None,
    *,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What you call NODE: with “box”, ssh box goes there.")
    ] = None,
) -> None:
    """Print lines for ~/.ssh/config. They can go there as they are, or into a file that it includes."""
    if name is not None and (node is None or not _HOST.fullmatch(name)):
        fail("--as takes a NODE, and a name such as “box”", EXIT_USAGE)
    try:
        nodes = [normal_address(node)] if node is not None else sorted(KnownNodes(default_known_nodes()).all())
    except AddressFormatError as error:
        fail(f"NODE: {error}", EXIT_USAGE)
    except KnownNodesError as error:
        fail(str(error))
    if not nodes:
        fail("no node is trusted yet: alknet trust NODE KEY, or name one", EXIT_USAGE)
    typer.echo("\n\n".join(blocks(nodes, proxy_command(sys.argv[0]), identity_files(), name)))


def blocks(
    addresses: Iterable[str], command: str, identities: Iterable[str] = (), name: str | None = None
) -> Iterator[str]:
    """The lines of each node, under `name` or that of its host; of a second one on a host, under HOST-PORT.

    A host key that is seen for the first time is taken: `alknet nc` has proven the node by its pinned key before.
    """
    named: set[str] = set()
    keys = tuple(f"IdentityFile {quoted(path)}" for path in identities)
    for address in addresses:
        host, port = parse_host_port(address, DEFAULT_PORT)
        if not _HOST.fullmatch(host):
            fail(f"{printable(host)}: no name of a host that a shell could be given", EXIT_USAGE)
        called = name or (host if host not in named else f"{host}-{port}")
        named.add(called)
        where = (f"HostName {host.replace('%', '%%')}", f"Port {port}")
        how = (f"Ciphers {CIPHERS}", "StrictHostKeyChecking accept-new", f"ProxyCommand {command}")
        yield "\n    ".join((f"Host {called}", *where, *keys, *how))


def identity_files() -> Iterator[str]:
    """The keys to sign in by: the one of `alknet id`, made where there is none, and after it ssh's own, if it is there.

    OpenSSH leaves out its own once a file is named.
    """
    user_key(None)
    identity, own = default_identity(), Path.home() / ".ssh" / "id_ed25519"
    if b"BEGIN OPENSSH PRIVATE KEY" in identity.read_bytes():
        yield str(identity)
    else:
        typer.echo(f"alknet: ssh cannot read {identity}, which is in PEM: it signs in by other keys of yours", err=True)
    if own.is_file():
        yield str(own)


def quoted(path: str) -> str:
    """For a line of ssh_config(5)."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if escaped != path or " " in path else path


def proxy_command(program: str) -> str:
    """This command, by its path, for the shell that OpenSSH gives it to; what follows a % is replaced before."""
    path = str(Path(program).absolute()) if os.access(program, os.X_OK) else "alknet"
    return f"{shlex.quote(path).replace('%', '%%')} nc alknet/ssh %h:%p"
