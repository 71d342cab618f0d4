"""`alknet ssh-config`: what OpenSSH needs in its configuration to come through `alknet nc`."""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import EXIT_USAGE, fail
from node.client.home import default_known_nodes
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
) -> None:
    """Print lines for ~/.ssh/config. They can go there as they are, or into a file that it includes."""
    try:
        nodes = [normal_address(node)] if node is not None else sorted(KnownNodes(default_known_nodes()).all())
    except AddressFormatError as error:
        fail(f"NODE: {error}", EXIT_USAGE)
    except KnownNodesError as error:
        fail(str(error))
    if not nodes:
        fail("no node is trusted yet: alknet trust NODE KEY, or name one", EXIT_USAGE)
    typer.echo("\n\n".join(blocks(nodes, proxy_command(sys.argv[0]))))


def blocks(addresses: Iterable[str], command: str) -> Iterator[str]:
    """The lines of each node, under the name of its host; of a second one on a host, under HOST-PORT."""
    named: set[str] = set()
    for address in addresses:
        host, port = parse_host_port(address, DEFAULT_PORT)
        if not _HOST.fullmatch(host):
            fail(f"{printable(host)}: no name of a host that a shell could be given", EXIT_USAGE)
        name = host if host not in named else f"{host}-{port}"
        named.add(name)
        hostname = host.replace("%", "%%")
        lines = (f"HostName {hostname}", f"Port {port}", f"Ciphers {CIPHERS}", f"ProxyCommand {command}")
        yield "\n    ".join((f"Host {name}", *lines))


def proxy_command(program: str) -> str:
    """This command, by its path, for the shell that OpenSSH gives it to; what follows a % is replaced before."""
    path = str(Path(program).absolute()) if os.access(program, os.X_OK) else "alknet"
    return f"{shlex.quote(path).replace('%', '%%')} nc alknet/ssh %h:%p"
