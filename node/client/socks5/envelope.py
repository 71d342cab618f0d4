"""The envelope of a datagram that goes through a SOCKS5 proxy (RFC 1928 §7)."""

from node.core.socks5.wire import ADDRESS_BYTES, Kind, spell_address

_HEAD = bytes(3)
"""Two reserved bytes, and the number of the fragment: 0 is a datagram that stands by itself."""
_ADDRESS_AT = len(_HEAD) + 1
_PORT = 2


class SocksEnvelope:
    """Datagrams to one host, which may be a name that the proxy resolves, and what comes back from there."""

    def __init__(self, host: str, port: int) -> None:
        """Raises ValueError where the host is no address, and no name of ASCII."""
        self._head = _HEAD + spell_address(host, port)

    def wrap(self, data: bytes) -> bytes:
        return self._head + data

    def unwrap(self, data: bytes) -> bytes | None:
        """The datagram inside, whoever sent it: that is what the connection's own keys tell. None for fragments."""
        if len(data) <= _ADDRESS_AT or data[: len(_HEAD)] != _HEAD:
            return None
        kind = data[len(_HEAD)]
        length = 1 + data[_ADDRESS_AT] if kind == Kind.NAME else ADDRESS_BYTES.get(kind)
        if length is None:
            return None
        begins = _ADDRESS_AT + length + _PORT
        return data[begins:] if len(data) >= begins else None
