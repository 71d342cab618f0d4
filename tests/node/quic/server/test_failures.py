"""Handshakes that are not completed are counted by why."""

import pytest

from node.core.errors import DialError
from node.quic.engine.ending import EndCause, Ending
from node.quic.metrics import Failure
from node.quic.server.failures import failure_of
from tests.support.eventually import eventually
from tests.support.quic import serving


async def test_a_client_without_a_protocol_of_ours_is_counted_as_such() -> None:
    async with serving() as server:
        with pytest.raises(DialError):
            await server.dial(alpn=b"test/unknown")
        await eventually(lambda: server.listener.metrics.unfinished)
        assert dict(server.listener.metrics.failed) == {Failure.NO_PROTOCOL: 1}


async def test_one_that_does_not_like_our_key_has_left() -> None:
    async with serving() as server:
        with pytest.raises(DialError):
            await server.dial(pin="ed25519:" + "0" * 64)
        await eventually(lambda: server.listener.metrics.unfinished)
        assert dict(server.listener.metrics.failed) == {Failure.LEFT: 1}


@pytest.mark.parametrize(
    ("ending", "failure"),
    [
        (Ending(EndCause.LOCAL, 0x178, "No common ALPN protocols", is_transport=True), Failure.NO_PROTOCOL),
        (Ending(EndCause.LOCAL, 0x2, "handshake timed out", is_transport=True), Failure.TIMEOUT),
        (Ending(EndCause.IDLE), Failure.TIMEOUT),
        (Ending(EndCause.LOCAL, 0x2, "shutdown", is_transport=True), Failure.STOPPED),
        (Ending(EndCause.REMOTE, 0x12A, "", is_transport=True), Failure.LEFT),
        (Ending(EndCause.LOCAL, 0x128, "", is_transport=True), Failure.BROKEN),
        (Ending(EndCause.FAILED), Failure.BROKEN),
    ],
)
def test_every_end_has_its_reason(ending: Ending, failure: Failure) -> None:
    assert failure_of(ending) is failure
