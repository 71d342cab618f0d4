"""The options by which a command dials through a SOCKS5 proxy."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import EXIT_USAGE, fail
from node.cli.socks_login import login_from
from node.client.socks5.associate import Proxy
from node.core.address import AddressFormatError, parse_host_port

DEFAULT_PORT = 1080

ProxyOption = Annotated[
    str | None,
    typer.Option("--proxy", metavar="socks5://HOST:PORT", help="Dial through this proxy, which must relay UDP."),
]
ProxyLoginOption = Annotated[
    Path | None, typer.Option("--proxy-login", metavar="FILE", help="USER:PASSWORD for the proxy; mode 0600.")
]


def proxy_from(url: str | None, login: Path | None) -> Proxy | None:
    """The proxy that is meant, if any. Ends the command where the options are wrong. A login is never quoted."""
    if url is None:
        if login is not None:
            fail("--proxy-login goes with --proxy", EXIT_USAGE)
        return None
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("socks5", "socks5h"):
        fail("--proxy: expected socks5://HOST:PORT", EXIT_USAGE)
    if "@" in rest:
        fail("--proxy: no login in a URL, which others see: use --proxy-login FILE", EXIT_USAGE)
    try:
        address = parse_host_port(rest.removesuffix("/"), DEFAULT_PORT)
    except AddressFormatError as error:
        fail(f"--proxy: {error}", EXIT_USAGE)
    return Proxy(address, None if login is None else login_from(login, "--proxy-login"))
