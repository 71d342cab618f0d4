"""QUIC through a SOCKS5 proxy that relays datagrams."""

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.client.dial import dial
from node.client.socks5.associate import Proxy, ProxyError
from node.client.socks5.envelope import SocksEnvelope
from node.core.errors import PinMismatch
from node.core.socks5.wire import Login
from node.quic.tls.keys import NodeKey
from tests.support.quic import ALPN, echo, read_all, serving, soon
from tests.support.udp_proxy import udp_proxy

ANN = Login(b"ann", b"secret")


@pytest.mark.parametrize("login", [None, ANN])
@pytest.mark.parametrize("host", ["127.0.0.1", "box.invalid"])
async def test_a_connection_goes_through_the_proxy_and_the_name_goes_there(host: str, login: Login | None) -> None:
    data = os.urandom(300_000)
    async with serving() as server, udp_proxy(login) as far:
        connection = await dial(f"{host}:{server.port}", ALPN, pin=server.key.fingerprint, timeout=20, proxy=far.proxy)
        echoing = asyncio.create_task(echo((await server.accepted()).connection))
        stream = await connection.open_bi()
        reading = asyncio.create_task(read_all(stream))
        await soon(stream.write(data))
        stream.finish()
        assert await soon(reading) == data
        assert far.asked == {(host, server.port)}
        connection.close()
        await soon(echoing)


async def test_a_connection_ends_with_the_proxy() -> None:
    async with serving() as server, udp_proxy() as far:
        address = f"127.0.0.1:{server.port}"
        connection = await dial(address, ALPN, pin=server.key.fingerprint, timeout=20, proxy=far.proxy)
        far.end()
        await soon(connection.wait_closed())


async def test_the_pin_holds_through_the_proxy() -> None:
    async with serving() as server, udp_proxy() as far:
        with pytest.raises(PinMismatch):
            address = f"127.0.0.1:{server.port}"
            await dial(address, ALPN, pin=NodeKey.generate().fingerprint, timeout=20, proxy=far.proxy)


@pytest.mark.parametrize(
    ("says", "login", "told"),
    [
        ("", None, "ended the connection"),
        ("48545450", None, "does not speak SOCKS5"),
        ("05ff", None, "wants a login"),
        ("0502", None, "wants a login"),
        ("0500", ANN, "takes no login"),
        ("05ff", ANN, "takes no login"),
        ("0502 0101", ANN, "does not take this login"),
        ("0500 05070001000000000000", None, "it knows no UDP"),
        ("0500 05020001000000000000", None, "its rules forbid it"),
        ("0500 05990001000000000000", None, "it failed"),
        ("0500 05000009000000000000", None, "does not speak SOCKS5"),
        ("0500 05000001000000000000", None, "names no address"),
        ("0500 05000003 02612000 50", None, "names no address"),
    ],
)
async def test_what_a_proxy_does_not_do_is_told_and_nothing_else_is_tried(
    says: str, login: Login | None, told: str
) -> None:
    async with udp_proxy(says=bytes.fromhex(says)) as far:
        with pytest.raises(ProxyError, match=told) as raised:
            await dial("127.0.0.1:9", ALPN, timeout=20, proxy=Proxy(far.proxy.address, login))
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("host", "told"), [("127.0.0.1", "Connection refused$"), ("a..b", "no name of a host$")])
async def test_a_proxy_that_is_not_there_is_told(host: str, told: str) -> None:
    with pytest.raises(ProxyError, match=told):
        await dial("127.0.0.1:9", ALPN, timeout=20, proxy=Proxy((host, 1)))


@given(st.sampled_from(["127.0.0.1", "::1", "box.example"]), st.binary(max_size=64), st.data())
def test_an_envelope_is_opened_again_and_nothing_else_is(host: str, inside: bytes, data: st.DataObject) -> None:
    envelope = SocksEnvelope(host, 443)
    wrapped = envelope.wrap(inside)
    assert envelope.unwrap(wrapped) == inside
    cut = data.draw(st.integers(0, len(wrapped) - len(inside) - 1))
    assert envelope.unwrap(wrapped[:cut]) is None
    assert envelope.unwrap(wrapped[:2] + b"\x01" + wrapped[3:]) is None


@given(st.binary(max_size=40))
def test_any_bytes_are_an_envelope_or_none(data: bytes) -> None:
    inside = SocksEnvelope("box", 1).unwrap(data)
    assert inside is None or data.endswith(inside)
