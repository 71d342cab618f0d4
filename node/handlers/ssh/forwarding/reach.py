"""Reaching what a peer asks for: judged first, then connected to, by the very address or socket that was judged."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from node.core.access import Decision
from node.core.forwarding.policy import Direction
from node.core.forwarding.target import InvalidTarget, Target, UnixTarget, read_address
from node.core.identity import Identity
from node.handlers.ssh.forwarding.dial import Reached, Socket, dial
from node.handlers.ssh.forwarding.errors import Denied, Unreachable
from node.handlers.ssh.forwarding.gate import Gate, Wish
from node.handlers.ssh.forwarding.proxy import Proxy
from node.handlers.ssh.forwarding.shared import Forwarding
from node.handlers.ssh.forwarding.sockets import Found


class Asker(Protocol):
    """The connection for which something is reached."""

    shared: Forwarding

    @property
    def gate(self) -> Gate: ...

    def current(self) -> Identity | None: ...

    def denied(self, wish: Wish, decision: Decision) -> None:
        """Told of what is refused."""
        ...


class Judged(Protocol):
    """What is judged anew when rights or rules change."""

    wish: Wish | None


def require(asker: Asker, wish: Wish) -> None:
    """Raises Denied."""
    _check(asker, wish, asker.gate.may(asker.current(), wish))


async def reach_host(asker: Asker, judged: Judged, host: str, port: int) -> Reached:
    """Raises Denied and Unreachable."""
    with _understood():
        target = Target(host, port)
    wish = Wish(target, Direction.LOCAL)
    _check(asker, wish, asker.gate.has_scope(asker.current(), wish))
    proxy = asker.shared.settings.proxy
    with _as_unreachable():
        if proxy:
            judged.wish = _allowed(asker, wish)
            return Reached(*await _by_proxy(asker, Proxy.parse(proxy), target))
        return await _by_address(asker, judged, wish, target)


async def reach_socket(asker: Asker, judged: Judged, path: str) -> Reached:
    """Nothing is looked at before there is a scope for the path. Raises Denied and Unreachable."""
    with _understood():
        asked = Wish(UnixTarget(path), Direction.LOCAL)
    _check(asker, asked, asker.gate.has_scope(asker.current(), asked))
    with _as_unreachable(), contextlib.closing(Found(path)) as found:
        with _understood():
            wish = Wish(UnixTarget(found.path), Direction.LOCAL)
        judged.wish = _allowed(asker, wish)
        return Reached(*await found.connect(asker.shared.settings.connect_timeout))


async def _by_address(asker: Asker, judged: Judged, wish: Wish, target: Target) -> Reached:
    settings, identity = asker.shared.settings, asker.current()
    peer_id = "" if identity is None else identity.id
    found = await asker.shared.resolver.addresses(target, peer_id, settings.resolve_timeout)
    judged.wish = _allowed(asker, replace(wish, addresses=tuple(address.text for address in found)))
    reader, writer = await dial(found, settings.connect_timeout)
    address = read_address(writer.get_extra_info("peername", ("",))[0])
    judged.wish = replace(wish, addresses=(str(address),))
    return Reached(reader, writer)


async def _by_proxy(asker: Asker, proxy: Proxy, target: Target) -> Socket:
    settings, login = asker.shared.settings, asker.shared.login
    if login is None:
        raise Unreachable
    addresses = await asker.shared.resolver.addresses(Target(*proxy.address), "", settings.resolve_timeout)
    async with asyncio.timeout(settings.connect_timeout):
        reader, writer = await dial(addresses, settings.connect_timeout)
        try:
            await proxy.connect(reader, writer, target, login)
        except BaseException:
            writer.transport.abort()
            raise
    return reader, writer


def _allowed(asker: Asker, wish: Wish) -> Wish:
    require(asker, wish)
    return wish


def _check(asker: Asker, wish: Wish, decision: Decision) -> None:
    if not decision.allowed:
        asker.denied(wish, decision)
        raise Denied


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """What is no target cannot be reached; there is nothing to be judged."""
    try:
        yield
    except InvalidTarget:
        raise Unreachable from None


@contextlib.contextmanager
def _as_unreachable() -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError):
        raise Unreachable from None
