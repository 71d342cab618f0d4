"""How the targets of rules are written and read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.forwarding.notation import InvalidPattern, parse_pattern
from node.core.forwarding.patterns import AlknetPrefix, Any, Cidr, Host, PortRange, SocketPath
from node.core.forwarding.target import InvalidTarget, Target, UnixTarget, read_target

HOSTS = st.from_regex(r"[a-z]{1,3}[.-]?\*?[a-z]{1,3}", fullmatch=True)
NETWORKS = st.ip_addresses().map(str) | st.sampled_from(["10.0.0.0/8", "fd00::/8", "0.0.0.0/0", "::/0"])
SOCKETS = st.sampled_from(["/run/a.sock", "/run/*.sock", "/*/x"])
PORTS = st.integers(0, 65_535)


@pytest.mark.parametrize(
    ("text", "kind", "spelled"),
    [
        ("*", Any, "*"),
        ("*.", Any, "*"),
        (" DB-* ", Host, "db-*"),
        ("*.Example.ORG.", Host, "*.example.org"),
        ("10.0.0.0/8", Cidr, "10.0.0.0/8"),
        ("192.0.2.7/32", Cidr, "192.0.2.7"),
        ("FD00::/8", Cidr, "fd00::/8"),
        ("fd00:0::1", Cidr, "fd00::1"),
        ("*:443", PortRange, "*:443"),
        ("db-*:443..444", PortRange, "db-*:443"),
        ("10.0.0.0/8:8000..9000", PortRange, "10.0.0.0/8:8000..9000"),
        ("[fd00::/8]:0..65536", PortRange, "[fd00::/8]:0..65536"),
        ("ALKNET-*", AlknetPrefix, "alknet-*"),
        ("/run/app/*.sock", SocketPath, "/run/app/*.sock"),
    ],
)
def test_a_pattern_is_read_and_has_one_spelling(text: str, kind: type, spelled: str) -> None:
    pattern = parse_pattern(text)
    assert isinstance(pattern, kind)
    assert str(pattern) == spelled
    assert parse_pattern(spelled) == pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a*b*c",
        "10.0.*",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "::ffff:10.0.0.0/104",
        "fd00::1:x",
        "host:",
        "host:9..9",
        "host:9..8",
        "host:65536",
        "host:1..65537",
        "a..b",
        "a b",
        "ｄｂ.lan",
        "/run/../x",
        "/run//x",
        "/run/*/*",
        "/run/a:1",
        "run/a",
        "/" + "a" * 107,
        "a" * 281,
        "1.2.3.4%*",
        "fe80::1%eth0",
    ],
)
def test_what_is_no_pattern_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidPattern, match=r"\.$"):
        parse_pattern(text)


@settings(max_examples=60)
@given(st.one_of(HOSTS, NETWORKS, SOCKETS, st.just("*")), st.none() | PORTS, st.none() | PORTS)
def test_every_pattern_is_read_back_as_itself(host: str, start: int | None, end: int | None) -> None:
    text = host
    if start is not None and not host.startswith("/"):
        text = f"[{host}]" if ":" in host else host
        text += f":{start}" if end is None or end <= start else f":{start}..{end}"
    try:
        pattern = parse_pattern(text)
    except InvalidPattern:
        assert "ffff" in text  # what is mapped into IPv6 is written as IPv4
        return
    assert parse_pattern(str(pattern)) == pattern


@settings(max_examples=80)
@given(st.text(max_size=30) | st.text("ab*.:/[]019-%", max_size=20))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except InvalidPattern:
        return
    assert parse_pattern(str(pattern)) == pattern


@pytest.mark.parametrize(
    ("text", "target", "spelled"),
    [
        ("DB.lan.:5432", Target("db.lan", 5432), "db.lan:5432"),
        ("[FD00::01]:22", Target("fd00::1", 22), "[fd00::1]:22"),
        ("[::ffff:10.0.0.1]:22", Target("10.0.0.1", 22), "10.0.0.1:22"),
        (":0", Target("", 0), ":0"),
        ("/run/a.sock", UnixTarget("/run/a.sock"), "/run/a.sock"),
    ],
)
def test_a_target_has_one_spelling(text: str, target: Target | UnixTarget, spelled: str) -> None:
    assert read_target(text) == target
    assert str(target) == spelled


@pytest.mark.parametrize(
    "text", ["db", "db:", "db:70000", "fd00::1:22", "d b:1", "ｄｂ:1", "a\n:1", "/run/./a", "/run/a/", "/"]
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(InvalidTarget):
        read_target(text)
