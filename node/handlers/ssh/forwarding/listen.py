"""Listening where a peer asks for it: judged first, then bound, and only what was judged is listened on."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Protocol

from node.core.forwarding.judgement import listened_on
from node.core.forwarding.policy import Direction
from node.core.forwarding.target import InvalidTarget, Target, UnixTarget
from node.handlers.ssh.errors import CannotRun
from node.handlers.ssh.forwarding.errors import Unreachable
from node.handlers.ssh.forwarding.gate import Wish
from node.handlers.ssh.forwarding.listening import Accepted, Listening, bind
from node.handlers.ssh.forwarding.places import Place
from node.handlers.ssh.forwarding.reach import Asker, require
from node.handlers.ssh.forwarding.sockets import Spot
from node.handlers.ssh.local_user import local_user


class Taker(Asker, Protocol):
    """Who takes the connections that come."""

    @property
    def accepted(self) -> Accepted: ...


async def listen_on_port(taker: Taker, place: Place, host: str, port: int) -> Listening:
    """Port 0 is any that is free, and is judged once it is known. Raises Denied and Unreachable."""
    with _as_unreachable(), contextlib.ExitStack() as undo:
        addresses = listened_on(Target(host, port))
        if not addresses:
            raise Unreachable
        if port:
            require(taker, Wish(Target(host, port), Direction.REMOTE, addresses))
        sockets = [undo.enter_context(contextlib.closing(sock)) for sock in bind(addresses, port)]
        port = sockets[0].getsockname()[1]
        wish = Wish(Target(host, port), Direction.REMOTE, addresses)
        require(taker, wish)
        listening = Listening(wish, place, host, port)
        await _start(taker, listening, sockets, undo)
    return listening


async def listen_on_socket(taker: Taker, place: Place, path: str, user: str) -> Listening:
    """The socket is the user's of that name, else the node's own. Raises Denied and Unreachable."""
    with _as_unreachable(), contextlib.ExitStack() as undo:
        require(taker, Wish(UnixTarget(path), Direction.REMOTE))
        spot = undo.enter_context(contextlib.closing(Spot(path)))
        wish = Wish(UnixTarget(spot.path), Direction.REMOTE)
        require(taker, wish)
        sock = undo.enter_context(contextlib.closing(spot.bind(local_user(user) if user else None)))
        forget = taker.shared.left.note(spot)
        undo.callback(forget)
        listening = Listening(wish, place, path)
        listening.over += [forget, spot.close]  # the last comes first
        await _start(taker, listening, [sock], undo)
    return listening


async def _start(taker: Taker, listening: Listening, sockets: list[socket.socket], undo: contextlib.ExitStack) -> None:
    await listening.start(sockets, taker.accepted)
    undo.pop_all()


@contextlib.contextmanager
def _as_unreachable() -> Iterator[None]:
    try:
        yield
    except (InvalidTarget, CannotRun, OSError, UnicodeError):
        raise Unreachable from None
