"""SSH and SFTP through the node's QUIC port, against asyncssh over plain TCP and the bare engine, in the same run.

Server and client are processes of their own, each on a core of its own, fresh in every round. The client is asyncssh's
on every way:
  quic      the node's SSH on a stream of QUIC
  tcp       the node's SSH by its TCP port
  asyncssh  asyncssh's own server over TCP, with its own SFTP
  bare      a stream of the engine with nothing on it, up or down
Each step of one way is measured right after another's, in one order and then in the opposite. A ratio is of speeds, the
median of the rounds' ratios; `spread` holds the least and the greatest of them. Other figures are medians over the
rounds. A MB has 10^6 bytes.

  exec_vs_engine  what a program writes (down) and what it reads (up), quic to bare: the lesser of exec_down_vs_engine
                  and exec_up_vs_engine, which are to be 0.8 or more
  sftp_vs_engine  the same of one large file, the lesser of sftp_get_vs_engine and sftp_put_vs_engine
  exec_vs_tcp, sftp_vs_tcp  the same of quic to asyncssh; with the same four beside them, and the small files' two
  setup_ms        a connection over QUIC, signed in and closed; also tcp_setup_ms and asyncssh_setup_ms
  *_cpu_ms_per_mb the CPU time of the server

The path takes 1 500 bytes, as Ethernet does: the loopback of a network namespace that is made for the run; with
`--loopback`, or where none can be made, it is the loopback, of 65 536 bytes, and `path` says so.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import asyncssh

from bench.engine_network import LOOPBACK, Network, NoNamespaceError, ethernet
from bench.ssh_figures import figures
from bench.ssh_rounds import MIB, Amounts, measure_round
from bench.ssh_tasks import SMALL, make_files

NAME = "ssh"
SIZES = ("rounds", "mib", "file_mib", "files", "setups")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=64, help="of a program's output, and of its input")
    parser.add_argument("--file-mib", type=int, default=256, help="of the large file")
    parser.add_argument("--files", type=int, default=1_000, help=f"small ones, of {SMALL} bytes")
    parser.add_argument("--setups", type=int, default=20, help="connections that are made one after the other")
    parser.add_argument("--loopback", action="store_true", help="on the loopback as it is")


def run(options: argparse.Namespace) -> dict[str, Any]:
    return {**{name: vars(options)[name] for name in SIZES}, **asyncio.run(_measure(options))}


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    amounts = Amounts(options.mib * MIB, options.file_mib * MIB, options.files, options.setups)
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alknet-bench-")))
        network = LOOPBACK if options.loopback else await _path(stack)
        make_files(directory / "local", amounts.file, amounts.files)
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(directory / "key")
        asyncssh.read_private_key(directory / "key").write_public_key(directory / "key.pub")
        rounds = []
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            rounds.append(await measure_round(directory, network, amounts, backwards=bool(number % 2)))
        return {"path": network.name, **figures(rounds)}


async def _path(stack: contextlib.AsyncExitStack) -> Network:
    try:
        return await stack.enter_async_context(ethernet())
    except NoNamespaceError as error:
        print(f"on the loopback: {error}", file=sys.stderr)
        return LOOPBACK
