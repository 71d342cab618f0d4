"""HOST:PORT in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.address import AddressFormatError, format_host_port, origin_of, parse_host_port, reachable

HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str), st.sampled_from(["localhost", "node-1.example.org"])
)


@given(HOSTS, st.integers(0, 65_535))
def test_every_address_survives_its_text(host: str, port: int) -> None:
    assert parse_host_port(format_host_port((host, port))) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "host",
        "host:",
        "host:x",
        "host:65536",
        "host:-1",
        "::1:80",
        "[::1]",
        "[host]:1",
        "a b:1",
        "u@h:1",
        "h:1/x",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(AddressFormatError):
        parse_host_port(text)


def test_a_default_port_fills_in_for_a_missing_one_only() -> None:
    assert parse_host_port("host", 4433) == ("host", 4433)
    assert parse_host_port("[::1]", 4433) == ("::1", 4433)
    assert parse_host_port("host:1", 4433) == ("host", 1)


def test_a_wildcard_is_reached_at_its_loopback() -> None:
    assert reachable(("0.0.0.0", 5)) == ("127.0.0.1", 5)
    assert reachable(("::", 5)) == ("::1", 5)
    assert reachable(("192.0.2.1", 5)) == ("192.0.2.1", 5)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("", ""),
        ("unknown", "unknown"),
        ("no:address", "no:address"),
        ("::1\0", "::1\0"),
    ],
)
def test_what_counts_as_one_address(host: str, origin: str) -> None:
    assert origin_of(host) == origin
