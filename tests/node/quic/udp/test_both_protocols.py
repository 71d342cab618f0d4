"""One socket for IPv6 and IPv4: an IPv4 client is known by its IPv4 address everywhere."""

import socket
import sys

import pytest

from node.core.errors import ConnectError
from node.quic.client.dial import Dialler
from node.quic.limits import QuicLimits
from node.quic.server.gate import Verdict
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey
from node.quic.udp.socket import readable
from tests.support.quic import ALPN, LONG, Server, serving, settled, soon


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_listener_of_both_is_reached_over_each(host):
    async with serving("::") as server:
        client = await server.dial(host=host)
        accepted = await server.accepted()
        assert accepted.address[0] == host
        assert accepted.connection.remote_addr[0] == host
        assert set(server.listener._hosts) == set(server.links)
        assert [place.origin for place in server.listener._hosts.values()] == [{"::1": "::/64"}.get(host, host)]
        stream = await client.open_bi()
        await stream.write(b"hello")
        assert await soon((await soon(accepted.connection.accept_bi())).read()) == b"hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_retry_and_the_share_of_an_address_hold_on_both(host):
    async with serving("::", retry_above=0, max_connections_per_address=1) as server:
        await server.dial(host=host)
        await server.accepted()
        assert server.listener.metrics.retried == 1
        assert list(server.listener._admission.by_origin.values()) == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="the numbers are those of Linux")
async def test_nothing_is_fragmented_over_either_protocol():
    async with serving("::") as server:
        sock = server.listener._udp._socket
        assert sock.getsockopt(socket.IPPROTO_IPV6, 23) == sock.getsockopt(socket.IPPROTO_IP, 10) == 3


async def test_a_filter_sees_the_ipv4_address():
    seen, key = [], NodeKey.generate()

    def examine(address, *, validated):
        seen.append(address[0])
        return Verdict.ACCEPT

    listener = await QuicListener.bind("::", 0, key=key, alpns=[ALPN], limits=QuicLimits(), examine=examine)
    server = Server(listener, key)
    client = await server.dial(host="127.0.0.1")
    await settled(lambda: seen == ["127.0.0.1"])
    client.close()
    await listener.close()


async def test_a_dial_from_the_port_of_both_reaches_ipv4():
    async with serving("::") as near, serving() as far:
        dialler = Dialler(near.listener)
        client = await dialler.dial(far.host, far.port, alpn=ALPN, key=None, pin=far.key.fingerprint, timeout=LONG)
        accepted = await far.accepted()
        assert accepted.address == ("127.0.0.1", near.port)
        assert client.remote_addr == (far.host, far.port)
        client.close()


async def test_an_address_of_ipv6_alone_takes_no_ipv4():
    async with serving("::1") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", server.port))
        with pytest.raises(ConnectError, match=r"127\.0\.0\.1"):
            await Dialler(server.listener).dial("127.0.0.1", 9, alpn=ALPN, key=None, pin=None, timeout=LONG)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("::ffff:192.0.2.7", 5, 0, 0), ("192.0.2.7", 5)),
        (("192.0.2.7", 5), ("192.0.2.7", 5)),
        (("2001:db8::7", 5, 0, 0), ("2001:db8::7", 5)),
        (("fe80::1%eth0", 5, 0, 3), ("fe80::1%eth0", 5)),
        (("::ffff:7", 5, 0, 0), ("::ffff:7", 5)),
    ],
)
def test_addresses_are_spelled_as_people_write_them(address, text):
    assert readable(address) == text
