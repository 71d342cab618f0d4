"""The server's side of a SOCKS5 handshake as a state machine: bytes in, answers and a destination out.

Only CONNECT is served. Names are handed on as they came, so that whoever opens the connection resolves them. Every
reply names 0.0.0.0:0 as the bound address, which no client needs and which tells nothing of the network.
"""

import hmac
from collections.abc import Generator

from node.core.identity import Address
from node.core.socks5.wire import ADDRESS_BYTES, LOGIN_VERSION, VERSION, Command, Kind, Login, Method, Reply, read_host

_Talk = Generator[int, bytes, None]
"""Yields how many bytes it wants next, and is sent exactly those."""


def reply(code: Reply) -> bytes:
    """The ten bytes of an answer to a request (RFC 1928 §6)."""
    return bytes((VERSION, code, 0x00, Kind.IPV4)) + bytes(6)


class Handshake:
    """One client's. With a `login`, clients must offer and know it; without one, they must offer to go without."""

    def __init__(self, login: Login | None = None) -> None:
        self._login = login
        self._unread = bytearray()
        self._answer = bytearray()
        self._talk = self._conversation()
        self._wants = next(self._talk)
        self.over = False
        """Whether nothing more is read: there is a target, or the client was refused."""
        self.target: Address | None = None
        """Host and port that the client wants; it waits for `reply` then."""

    def receive(self, data: bytes) -> bytes:
        """Take what the client has sent, in whatever pieces; what is to be sent to it now."""
        self._unread += data
        while not self.over and len(self._unread) >= self._wants:
            piece = bytes(self._unread[: self._wants])
            del self._unread[: self._wants]
            try:
                self._wants = self._talk.send(piece)
            except StopIteration:
                self.over = True
        answer = bytes(self._answer)
        self._answer.clear()
        return answer

    @property
    def rest(self) -> bytes:
        """What came behind the request: the first bytes for the destination, of a client that did not wait."""
        return bytes(self._unread)

    def _conversation(self) -> _Talk:
        version, count = yield 2
        if version != VERSION:
            return  # SOCKS4 or HTTP, which would not understand an answer
        offered = yield count
        method = Method.NONE if self._login is None else Method.LOGIN
        if method not in offered:
            self._say(VERSION, Method.UNACCEPTABLE)
            return
        self._say(VERSION, method)
        if self._login is None or (yield from self._signed_in(self._login)):
            yield from self._request()

    def _signed_in(self, login: Login) -> Generator[int, bytes, bool]:
        version, length = yield 2
        if version != LOGIN_VERSION:
            return False
        user = yield length
        (length,) = yield 1
        password = yield length
        good = hmac.compare_digest(user, login.user) & hmac.compare_digest(password, login.password)
        self._say(LOGIN_VERSION, int(not good))
        return good

    def _request(self) -> _Talk:
        version, command, reserved, kind = yield 4
        refusal = _refusal(version, command, reserved, kind)
        if refusal is not None:
            self._answer += reply(refusal)
            return
        length = ADDRESS_BYTES[kind] if kind != Kind.NAME else (yield 1)[0]
        host = read_host(kind, (yield length))
        port = int.from_bytes((yield 2))
        if host is None:
            self._answer += reply(Reply.GENERAL_FAILURE)
        else:
            self.target = host, port

    def _say(self, *message: int) -> None:
        self._answer += bytes(message)


def _refusal(version: int, command: int, reserved: int, kind: int) -> Reply | None:
    if version != VERSION or reserved:
        return Reply.GENERAL_FAILURE
    if command != Command.CONNECT:
        return Reply.COMMAND_UNKNOWN
    return None if kind in set(Kind) else Reply.ADDRESS_UNKNOWN
