"""`alknet connect`: a SOCKS5 proxy and forwarded ports that lead through a node, kept alive.

Exit status: 0 stopped by SIGTERM, 1 a port cannot be listened on, 2 wrong usage, 4 the node's key, or its SSH host key,
is another than it should be, 5 the node does not serve SSH, 6 it does not take our key, 130 and 129 stopped by Ctrl-C
and SIGHUP. 5 and 6 only before the first connection: afterwards, and without an answer, the node is dialled for ever.
"""

import asyncio
import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from node.cli.id import IdentityOption, user_key
from node.cli.nc import EXIT_ALPN, EXIT_INTERRUPTED, EXIT_PIN, EXIT_REFUSED, bracketed, heeded, not_served
from node.cli.options import EXIT_FAILED, EXIT_USAGE, fail
from node.cli.pinning import pinned_key
from node.cli.proxy import ProxyLoginOption, ProxyOption, proxy_from
from node.cli.socks_login import login_from
from node.client.connect.forwards import Forward, parse_forward, parse_listen
from node.client.connect.link import SshLink
from node.client.connect.service import ConnectService, Wanted
from node.client.connect.sign_in import ALPN, AnotherHostKey, SignInRefused, is_host_key
from node.client.dial import dial
from node.client.local_port import PortUnavailable
from node.client.socks5.associate import Proxy
from node.core.address import AddressFormatError
from node.core.errors import DialError, PinMismatch, TlsConfigError
from node.core.identity import Address
from node.core.text import printable
from node.quic.limits import QuicLimits
from node.quic.tls.keys import NodeKey

SOCKS5_AT = "127.0.0.1:1080"
LIMITS = QuicLimits(idle_timeout=15.0, keep_alive=5.0)
"""A node that is gone is noticed within a quarter of a minute."""

_STATUS = {signal.SIGTERM: 0, signal.SIGINT: EXIT_INTERRUPTED, signal.SIGHUP: 129}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@dataclass(frozen=True, slots=True)
class _Node:
    """How to come to it."""

    address: str
    key: NodeKey
    pin: str
    host_key: str | None
    timeout: float
    proxy: Proxy | None

    async def link(self) -> SshLink:
        connection = await dial(
            self.address,
            ALPN,
            key=self.key,
            pin=self.pin,
            timeout=self.timeout,
            limits=LIMITS,
            proxy=self.proxy,
        )
        return await SshLink.over(connection, self.key, self.host_key, self.timeout)


@app.command()
def connect(  # noqa: PLR0913 - each is an option
    node: Annotated[str, typer.Argument(metavar="NODE", help="HOST:PORT of the node.")],
    *,
    socks5: Annotated[
        str, typer.Option("--socks5", metavar="[ADDR:]PORT", help="Where programs find the SOCKS5 proxy.")
    ] = SOCKS5_AT,
    no_socks5: Annotated[bool, typer.Option("--no-socks5", help="No SOCKS5 proxy.")] = False,
    socks5_login: Annotated[
        Path | None,
        typer.Option("--socks5-login", metavar="FILE", help="USER:PASSWORD that programs must give; mode 0600."),
    ] = None,
    forward: Annotated[
        list[str] | None,
        typer.Option("--forward", metavar="BIND:PORT:HOST:PORT", help="Lead a port of this machine there."),
    ] = None,
    remote_forward: Annotated[
        list[str] | None,
        typer.Option("--remote-forward", metavar="BIND:PORT:HOST:PORT", help="Lead a port of the node to here."),
    ] = None,
    pin: Annotated[str | None, typer.Option("--pin", metavar="KEY", help="The node's key, however spelled.")] = None,
    host_key: Annotated[
        str | None, typer.Option("--host-key", metavar="KEY", help="Check the SSH host key too: 'ssh-ed25519 AAAA…'.")
    ] = None,
    identity: IdentityOption = None,
    proxy: ProxyOption = None,
    proxy_login: ProxyLoginOption = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, max=3600, help="For each connection to be made.")
    ] = 10.0,
    drain: Annotated[
        float, typer.Option("--drain", metavar="SECONDS", min=0, max=3600, help="For what is under way at the end.")
    ] = 2.0,
) -> None:
    """Lead programs of this machine through a node: a SOCKS5 proxy, and forwarded ports."""
    logging.getLogger().addHandler(logging.NullHandler())  # what goes wrong is told in lines of its own
    address = bracketed(node)
    if host_key is not None and not is_host_key(host_key):
        fail("--host-key: expected an Ed25519 key as `alknet vault pubkey ssh-host --openssh` prints it", EXIT_USAGE)
    wanted = Wanted(
        socks5=None if no_socks5 else _listen(socks5, socks5_login),
        login=None if socks5_login is None else login_from(socks5_login, "--socks5-login"),
        forwards=_forwards(forward, "--forward"),
        remote_forwards=_forwards(remote_forward, "--remote-forward"),
    )
    if wanted.socks5 is None and not wanted.forwards and not wanted.remote_forwards:
        fail("nothing to do: --no-socks5 needs --forward or --remote-forward", EXIT_USAGE)
    through, pinned = proxy_from(proxy, proxy_login), pinned_key(address, pin)
    _run(wanted, _Node(address, user_key(identity), pinned, host_key, timeout, through), drain)


def _listen(text: str, login: Path | None) -> Address:
    """Whoever reaches the proxy has what our key may: other machines only by a login."""
    try:
        address = parse_listen(text)
    except AddressFormatError as error:
        fail(f"--socks5: {error}", EXIT_USAGE)
    if login is None and not _is_loopback(address[0]):
        fail("--socks5: an address that other machines reach needs --socks5-login FILE", EXIT_USAGE)
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _forwards(texts: Sequence[str] | None, option: str) -> tuple[Forward, ...]:
    try:
        return tuple(parse_forward(text) for text in texts or ())
    except AddressFormatError as error:
        fail(f"{option}: {error}", EXIT_USAGE)


def _run(wanted: Wanted, node: _Node, drain: float) -> None:
    try:
        status = asyncio.run(_connect(wanted, node, drain))
    except PortUnavailable as error:
        fail(str(error), EXIT_FAILED)
    except (DialError, SignInRefused, AnotherHostKey) as error:
        status = _status_of(error)
        fail(printable(f"{node.address}: {_words_of(error, status, node)}"), status)
    raise typer.Exit(status)


async def _connect(wanted: Wanted, node: _Node, drain: float) -> int:
    """The exit status, once a signal has come and what was under way is over."""
    service = ConnectService(wanted, node.link, lambda line: _tell(f"{node.address}: {line}"))
    stopping, at_once = _signals()
    await service.start()
    running = asyncio.create_task(service.run())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            running.result()
        _tell("stopping")
        draining = asyncio.create_task(service.drain(drain))
        await asyncio.wait((draining, at_once), return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
    finally:
        await service.close()
        running.cancel()
        await asyncio.wait((running,))
    return _STATUS[stopping.result()]


def _signals() -> tuple["asyncio.Future[signal.Signals]", "asyncio.Future[signal.Signals]"]:
    """The first signal to stop, which lets what there is come to its end, and the second, which does not."""
    loop = asyncio.get_running_loop()
    turns = first, second = loop.create_future(), loop.create_future()

    def came(number: signal.Signals) -> None:
        for turn in turns:
            if not turn.done():
                turn.set_result(number)
                return

    for number in heeded(*_STATUS):
        loop.add_signal_handler(number, came, number)
    return first, second


def _tell(line: str) -> None:
    typer.echo(f"alknet: {line}", err=True)


def _words_of(error: Exception, status: int, node: _Node) -> str:
    """What went wrong and, where that is the node's administrator to mend, how."""
    if status == EXIT_ALPN:
        return not_served(ALPN)
    if status == EXIT_REFUSED:
        return f"{error}; there: alknet peer add NAME --key {node.key.fingerprint} --scope SCOPE"
    return str(error)


def _status_of(error: Exception) -> int:
    match error:
        case PinMismatch() | AnotherHostKey():
            return EXIT_PIN
        case SignInRefused():
            return EXIT_REFUSED
        case TlsConfigError():
            return EXIT_USAGE
        case _:
            return EXIT_ALPN
