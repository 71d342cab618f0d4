"""`alknet nc`: standard input and output on one stream of a node, for programs that speak its protocol themselves.

Exit status: 0 both sides have finished, 1 a descriptor failed, 2 wrong usage, 3 no connection, 4 the node's key is not
the pinned one, 5 the node does not serve this ALPN, 6 the node refuses us, 7 reset by the node or lost, 130
interrupted, 141 nobody reads the output. SIGTERM and SIGHUP end it with 143 and 129, and the node is told.
"""

import asyncio
import logging
import signal
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from node.cli.id import IdentityOption, user_key
from node.cli.options import EXIT_FAILED, EXIT_USAGE, fail
from node.cli.pinning import pinned_key
from node.cli.proxy import ProxyLoginOption, ProxyOption, proxy_from
from node.client.dial import dial
from node.client.nc import OutputClosed, bridge
from node.client.socks5.associate import Proxy
from node.core.connection import CLOSE_LOCKED, CLOSE_NORMAL, CLOSE_REVOKED, Connection
from node.core.errors import (
    NO_APPLICATION_PROTOCOL,
    ConnectionClosed,
    DialError,
    HandshakeError,
    PinMismatch,
    StreamError,
    TlsConfigError,
)
from node.core.text import printable
from node.quic.tls.keys import NodeKey

EXIT_NO_CONNECTION = 3
EXIT_PIN = 4
EXIT_ALPN = 5
EXIT_REFUSED = 6
EXIT_LOST = 7
EXIT_INTERRUPTED = 130
EXIT_UNREAD = 141
"""As of a program that SIGPIPE has ended."""

_BUSY = 0x2
"""CONNECTION_REFUSED (RFC 9000 §20.1)."""
_ALERTS = range(0x100, 0x200)
_OF_RIGHTS = range(CLOSE_REVOKED, CLOSE_LOCKED + 1)
"""The close codes of node.core.connection that say what the peer may not, an administrator's word among them."""

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@dataclass(frozen=True, slots=True)
class _Wanted:
    address: str
    alpn: bytes
    key: NodeKey | None
    pin: str
    timeout: float
    proxy: Proxy | None


@app.command()
def nc(
    alpn: Annotated[str, typer.Argument(metavar="ALPN", help="Such as alknet/ssh.")],
    node: Annotated[str, typer.Argument(metavar="NODE", help="HOST:PORT of the node.")],
    *,
    pin: Annotated[str | None, typer.Option("--pin", metavar="KEY", help="The node's key, however spelled.")] = None,
    identity: IdentityOption = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Show no key.")] = False,
    proxy: ProxyOption = None,
    proxy_login: ProxyLoginOption = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, max=3600, help="For the connection to be made.")
    ] = 10.0,
) -> None:
    """Connect standard input and output to a protocol of a node."""
    # What goes wrong is told by exit status and message; the engine's warnings would only repeat it.
    logging.getLogger().addHandler(logging.NullHandler())
    if sys.stdin is None or sys.stdout is None:  # else what we open next would have its number
        fail("standard input or output is closed", EXIT_FAILED)
    if anonymous and identity is not None:
        fail("--anonymous and --identity exclude each other", EXIT_USAGE)
    address = bracketed(node)
    wanted = _Wanted(
        address=address,
        alpn=alpn.encode(errors="replace"),
        key=None if anonymous else user_key(identity),
        pin=pinned_key(address, pin),
        timeout=timeout,
        proxy=proxy_from(proxy, proxy_login),
    )
    _run(wanted)


def bracketed(node: str) -> str:
    """The address with its brackets, where an IPv6 host and a port are joined without any, as `%h:%p` of OpenSSH is."""
    host, colon, port = node.rpartition(":")
    return f"[{host}]{colon}{port}" if ":" in host and "[" not in host else node


def _run(wanted: _Wanted) -> None:
    try:
        asyncio.run(_nc(wanted))
    except DialError as error:
        status = _status_of_dial(error)
        told = not_served(wanted.alpn) if status == EXIT_ALPN else error
        fail(printable(f"{wanted.address}: {told}"), status)
    except StreamError as error:
        fail(printable(f"{wanted.address}: {error}"), EXIT_LOST)
    except OutputClosed:
        raise typer.Exit(EXIT_UNREAD) from None
    except OSError as error:
        fail(f"standard input or output: {error.strerror}", EXIT_FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


async def _nc(wanted: _Wanted) -> None:
    connection = await dial(
        wanted.address, wanted.alpn, key=wanted.key, pin=wanted.pin, timeout=wanted.timeout, proxy=wanted.proxy
    )
    connection.keep_alive()  # the protocol may have nothing to say for longer than a connection lasts in silence
    copying = asyncio.create_task(_copy(connection))
    signals = _ends_by_signal(copying)
    try:
        await copying
    except asyncio.CancelledError:
        if not signals:
            raise
        raise typer.Exit(128 + signals[0]) from None
    except ConnectionClosed as closed:
        if _is_refusal(connection, closed):
            fail(printable(f"{wanted.address} refuses this: {closed.reason or 'no reason given'}"), EXIT_REFUSED)
        raise
    finally:
        connection.close(CLOSE_NORMAL, "")


async def _copy(connection: Connection) -> None:
    await bridge(await connection.open_bi())


def _ends_by_signal(copying: asyncio.Task[None]) -> list[int]:
    """Have the signals by which OpenSSH and others end us end the copying in order; those that came."""
    came: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        copying.cancel()

    for number in heeded(signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    return came


def not_served(alpn: bytes) -> str:
    """What a handshake without a common protocol means, and what to do about it."""
    hint = "; ssh.enabled turns it on there, at its next start" if alpn == b"alknet/ssh" else ""
    return f"the node does not serve {alpn.decode(errors='replace')}{hint}"


def heeded(*numbers: signal.Signals) -> list[signal.Signals]:
    """Those of these signals that whoever started us has not had ignored, as nohup(1) does."""
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def _is_refusal(connection: Connection, closed: ConnectionClosed) -> bool:
    """Whether the node has ended it for who we are: by a code that says so, or without a single byte."""
    transferred = connection.transferred
    unanswered = transferred is not None and not transferred.received
    return closed.code in _OF_RIGHTS or closed.code in _ALERTS or unanswered


def _status_of_dial(error: DialError) -> int:
    match error:
        case PinMismatch():
            return EXIT_PIN
        case TlsConfigError():
            return EXIT_USAGE
        case HandshakeError(code=code) if code == NO_APPLICATION_PROTOCOL:
            return EXIT_ALPN
        case HandshakeError(code=code) if code == _BUSY:
            return EXIT_REFUSED
        case _:
            return EXIT_NO_CONNECTION
