"""What a ClientHello says about keys, read without the rest of it: the engine parses the whole once, by itself."""

import struct

from aioquic.tls import AlertDecodeError

from node.quic.tls.credentials import CertificateType, ClientOffer

CLIENT_CERTIFICATE_TYPE = 19
SERVER_CERTIFICATE_TYPE = 20
_SIGNATURE_ALGORITHMS = 13
_WANTED = frozenset((CLIENT_CERTIFICATE_TYPE, SERVER_CERTIFICATE_TYPE, _SIGNATURE_ALGORITHMS))
_SESSION_ID = 4 + 2 + 32
"""Where it begins: behind the message's head, the version and the random bytes (RFC 8446 §4.1.2)."""

_U16 = struct.Struct("!H")
_HEAD = struct.Struct("!HH")


def read_offer(message: bytes) -> ClientOffer:
    """The offer of a ClientHello, its four bytes of head included. Raises AlertDecodeError."""
    try:
        found = _extensions(message)
    except (IndexError, struct.error):
        raise AlertDecodeError("malformed hello") from None
    named = frozenset(found)
    return ClientOffer(
        reads=type_list(found.get(SERVER_CERTIFICATE_TYPE)),
        shows=type_list(found.get(CLIENT_CERTIFICATE_TYPE)),
        verifies=_signature_list(found.get(_SIGNATURE_ALGORITHMS)),
        names_server=SERVER_CERTIFICATE_TYPE in named,
        names_client=CLIENT_CERTIFICATE_TYPE in named,
    )


def type_list(data: bytes | None) -> tuple[int, ...]:
    """The certificate types of a hello; without the extension it is X.509 alone (RFC 7250 §3)."""
    if data is None:
        return (CertificateType.X509,)
    if len(data) < 2 or data[0] != len(data) - 1:
        raise AlertDecodeError("malformed certificate types")
    return tuple(data[1:])


def _extensions(message: bytes) -> dict[int, bytes]:
    """The extensions that are wanted, by number. Of two alike the last counts, as it does for the engine."""
    place = _SESSION_ID
    place += 1 + message[place]
    place += 2 + _U16.unpack_from(message, place)[0]
    place += 1 + message[place]
    end = place + 2 + _U16.unpack_from(message, place)[0]
    place += 2
    found = {}
    while place < end:
        number, length = _HEAD.unpack_from(message, place)
        place += 4 + length
        if number in _WANTED:
            found[number] = message[place - length : place]
    if place != end or end != len(message):
        raise AlertDecodeError("malformed extensions")
    return found


def _signature_list(data: bytes | None) -> tuple[int, ...]:
    if data is None:
        return ()
    count = (len(data) - 2) // 2
    if len(data) < 4 or len(data) % 2 or _U16.unpack_from(data)[0] != 2 * count:
        raise AlertDecodeError("malformed signature algorithms")
    return struct.unpack_from(f"!{count}H", data, 2)
