"""Dialling by the address that people write."""

import pytest

from node.client.dial import dial
from node.core.address import AddressFormatError
from node.core.errors import HandshakeError, PinMismatch
from node.quic.tls.keys import NodeKey
from tests.support.quic import ALPN, serving


@pytest.mark.parametrize(("host", "written"), [("127.0.0.1", "127.0.0.1:{}"), ("::1", "[::1]:{}")])
async def test_a_pinned_node_is_reached_by_its_address(host, written):
    mine = NodeKey.generate()
    async with serving(host) as server:
        connection = await dial(written.format(server.port), ALPN, key=mine, pin=server.key.fingerprint)
        accepted = await server.accepted()
        assert accepted.fingerprint == mine.fingerprint
        assert connection.remote_addr == (host, server.port)


async def test_without_port_and_pin_the_defaults_are_dialled(monkeypatch):
    asked = {}

    async def record(host, port, **rest):
        asked.update(host=host, port=port, **rest)

    monkeypatch.setattr("node.client.dial.dial_quic", record)
    await dial("node.example", ALPN)
    assert (asked["host"], asked["port"], asked["server_name"]) == ("node.example", 4433, "node.example")
    await dial("node.example:99", ALPN, pin="ed25519:" + "0" * 64)
    assert (asked["port"], asked["server_name"]) == (99, "alknet")


async def test_another_node_than_the_pinned_one_is_told_apart_from_other_failures():
    async with serving() as server:
        with pytest.raises(PinMismatch):
            await dial(f"127.0.0.1:{server.port}", ALPN, pin=NodeKey.generate().fingerprint)
        with pytest.raises(HandshakeError) as caught:
            await dial(f"127.0.0.1:{server.port}", b"alknet/unknown", pin=server.key.fingerprint)
        assert not isinstance(caught.value, PinMismatch)


@pytest.mark.parametrize("text", ["", ":4433", "host:port", "host:70000", "::1", "[::1", "a b", "host:"])
async def test_what_is_no_address_is_refused(text):
    with pytest.raises(AddressFormatError):
        await dial(text, ALPN)
