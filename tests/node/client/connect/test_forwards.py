"""BIND:PORT:HOST:PORT, and what is not that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.client.connect.forwards import Forward, parse_forward, parse_listen
from node.core.address import AddressFormatError, format_host_port

HOSTS = st.sampled_from(["127.0.0.1", "::1", "2001:db8::7", "box.example.org", "a", "0.0.0.0"])
PORTS = st.integers(0, 65_535)


@given(HOSTS, PORTS, HOSTS, PORTS.filter(bool))
def test_four_fields_are_read(bind: str, port: int, host: str, to: int) -> None:
    text = f"{format_host_port((bind, port))}:{format_host_port((host, to))}"
    assert parse_forward(text) == Forward((bind, port), (host, to))


@pytest.mark.parametrize(
    "text",
    ["", "80", "8080:box:80", "1:2:3:4:5", "127.0.0.1:8080:box:0", "127.0.0.1:70000:box:80", "::1:80:box:80",
     ":80:box:80", "a:80::80", "a b:80:box:80", "127.0.0.1:x:box:80", "[::1]:80:[::1]", "127.0.0.1:80:box:80\n"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(AddressFormatError):
        parse_forward(text)


def test_a_port_alone_is_one_of_the_loopback() -> None:
    assert parse_listen("1080") == ("127.0.0.1", 1080)
    assert parse_listen("[::1]:9") == ("::1", 9)
    with pytest.raises(AddressFormatError):
        parse_listen("box")
