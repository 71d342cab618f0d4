"""The client's side of a SOCKS5 handshake (RFC 1928 §3 to §6): whoever asks a proxy for something asks by this.

With a login only the login is offered, so that a proxy cannot talk us out of it.
"""

from asyncio import StreamReader, StreamWriter

from node.core.socks5.wire import (
    ADDRESS_BYTES,
    LOGIN_VERSION,
    VERSION,
    Command,
    Kind,
    Login,
    Method,
    Reply,
    read_host,
    spell_address,
)

Bound = tuple[str | None, int]
"""What a proxy answers with: a host, None where its name is none, and a port."""


class SocksRefused(Exception):
    """The proxy does not do it. The message says of the proxy why (“it …”), and never names what it was asked for."""


class RequestRefused(SocksRefused):
    """It understood, and does not want to or cannot: `code` is its reply (RFC 1928 §6)."""

    def __init__(self, code: int) -> None:
        super().__init__("it refuses the request")
        self.code = code


async def ask(
    reader: StreamReader, writer: StreamWriter, command: Command, host: str, port: int, login: Login | None
) -> Bound:
    """Have the proxy, which these lead to, do this for a host, which may be a name, and a port.

    Raises SocksRefused, EOFError and OSError, and ValueError where the host cannot be sent. Time is the caller's.
    """
    request = bytes((VERSION, command, 0)) + spell_address(host, port)
    await _sign_in(reader, writer, login)
    writer.write(request)
    return await _read_reply(reader)


async def _sign_in(reader: StreamReader, writer: StreamWriter, login: Login | None) -> None:
    method = Method.NONE if login is None else Method.LOGIN
    writer.write(bytes((VERSION, 1, method)))
    version, chosen = await reader.readexactly(2)
    if version != VERSION:
        raise SocksRefused("it does not speak SOCKS5")
    if chosen != method:
        raise SocksRefused("it wants a login" if login is None else "it takes no login by user and password")
    if login is None:
        return
    writer.write(login.message)
    version, status = await reader.readexactly(2)
    if version != LOGIN_VERSION or status:
        raise SocksRefused("it does not take this login")


async def _read_reply(reader: StreamReader) -> Bound:
    version, code, _, kind = await reader.readexactly(4)
    if version != VERSION:
        raise SocksRefused("it does not speak SOCKS5")
    if code != Reply.SUCCEEDED:
        raise RequestRefused(code)
    if kind not in set(Kind):
        raise SocksRefused("it does not speak SOCKS5")
    length = (await reader.readexactly(1))[0] if kind == Kind.NAME else ADDRESS_BYTES[kind]
    host = read_host(kind, await reader.readexactly(length))
    return host, int.from_bytes(await reader.readexactly(2))
