"""Why a handshake was not completed, from how its connection ended."""

from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription

from node.quic.connection.link import HANDSHAKE_TIMED_OUT
from node.quic.engine.ending import EndCause, Ending
from node.quic.metrics import Failure

_NO_PROTOCOL = QuicErrorCode.CRYPTO_ERROR + AlertDescription.no_application_protocol
"""The code of a TLS alert (RFC 9001 §4.8)."""


def failure_of(ending: Ending) -> Failure:
    """`ending` is that of a connection that was never established."""
    if ending.cause is EndCause.REMOTE:
        return Failure.LEFT
    if ending.cause is EndCause.IDLE or ending.reason == HANDSHAKE_TIMED_OUT:
        return Failure.TIMEOUT
    if ending.code == _NO_PROTOCOL:
        return Failure.NO_PROTOCOL
    return Failure.STOPPED if ending.code == QuicErrorCode.CONNECTION_REFUSED else Failure.BROKEN
