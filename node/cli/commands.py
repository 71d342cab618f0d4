"""Every command of `alknet`. Their parts are imported when they are run, so that `alknet --help` answers at once."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import EXIT_USAGE, fail
from node.cli.remote_choice import COMMANDS as REMOTE
from node.cli.remote_choice import Choice, choose, chosen

COMMANDS = {
    "up": ("node.cli.up", "Run the whole appliance: the panel and the node, supervised."),
    "init": ("node.cli.init", "Make or restore the vault of this box."),
    "node": ("node.cli.node", "Run the node alone."),
    "web": ("node.cli.web", "Run the panel alone."),
    "config": ("node.cli.config", "Show the settings in force and where each one is from."),
    "doctor": ("node.cli.doctor", "Check this machine and this installation."),
    "health": ("node.cli.health", "Ask whether the node and the panel are well."),
    "status": ("node.cli.status", "Show what the running node says of itself."),
    "connections": ("node.cli.connections", "List who is connected to the running node."),
    "activity": ("node.cli.activity", "List what happened: who connected, who was refused and why."),
    "disconnect": ("node.cli.disconnect", "Close live connections."),
    "journal": ("node.cli.journal", "Show what happened to connections: the node's journal."),
    "vault": ("node.cli.vault", "The recovery words of this box, and what protects them."),
    "backup": ("node.cli.backup", "Write a backup of the running or stopped appliance into one file."),
    "restore": ("node.cli.restore", "Check a backup, or put what is in it in place."),
    "peer": ("node.cli.peer", "Add, show, change and remove peers."),
    "claim": ("node.cli.claim", "List, approve and refuse machines that came with a one-time code."),
    "key": ("node.cli.key", "Add, list and remove API keys."),
    "token": ("node.cli.token", "Make, list and revoke tokens of the REST API."),
    "user": ("node.cli.user", "Add, list and change the users of the panel."),
    "lock": ("node.cli.lock", "Hold back a peer, a scope, a protocol, a credential or everything."),
    "unlock": ("node.cli.unlock", "Lift a lock."),
    "locks": ("node.cli.locks", "List what is locked, until when and why."),
    "access": ("node.cli.access", "Ask who may do what, and which rule decides."),
    "forwarding": ("node.cli.forwarding", "Say what peers may reach through the node, and ask which rule decides."),
    "credential": ("node.cli.credential", "Set, list, rotate and remove secrets for other services."),
    "audit": ("node.cli.audit", "List, verify, export and sign the log of administrative changes."),
    "id": ("node.cli.id", "Show this user's own key, making it on first use."),
    "trust": ("node.cli.trust", "Remember a node's key, so that calls need no --pin."),
    "join": ("node.cli.join", "Join a node by a one-time code."),
    "call": ("node.cli.call", "Call an operation of a node."),
    "nc": ("node.cli.nc", "Connect standard input and output to a protocol of a node."),
    "connect": ("node.cli.connect", "Keep a SOCKS5 proxy and forwarded ports through a node."),
    "ssh-config": ("node.cli.ssh_config", "Print the lines for ~/.ssh/config that lead ssh to a node."),
    "ops": ("node.cli.ops", "List what can be called on a node."),
}
"""Each command: the module whose `app` it is, and its line in the help."""

app = typer.Typer(
    name="alknet",
    help="A self-hosted networking appliance: one QUIC port, many protocols.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def alknet(
    *,
    remote: Annotated[str, typer.Option("--remote", metavar="URL", help="Ask the panel there instead.")] = "",
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="Its API token; mode 0600. Else a prompt.")
    ] = None,
    pin: Annotated[
        str | None, typer.Option("--pin", metavar="SHA256:…", help="Its certificate, where no authority knows it.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", metavar="FILE", help="Authorities to trust for it, as PEM.")
    ] = None,
) -> None:
    """A self-hosted networking appliance: one QUIC port, many protocols."""
    if remote:
        choose(Choice(remote, token_file, pin, ca_file))
    elif token_file or pin or ca_file:
        fail("--token-file, --pin and --ca-file go with --remote URL", EXIT_USAGE)


def _register(name: str, module: str, text: str) -> None:
    """A stand-in that hands everything after its name, --help included, to the real command."""
    everything = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}

    @app.command(name, help=text, add_help_option=False, context_settings=everything)
    def stand_in(ctx: typer.Context) -> None:
        if chosen() is not None and name not in REMOTE:
            fail(f"alknet {name} does not work with --remote: run it on the machine itself", EXIT_USAGE)
        import_module(module).app(args=ctx.args, prog_name=ctx.command_path)


for _name, (_module, _text) in COMMANDS.items():
    _register(_name, _module, _text)
