"""Which rule decides, and what it decides."""

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.forwarding.judgement import judge
from node.core.forwarding.notation import parse_pattern
from node.core.forwarding.policy import Action, Direction, ForwardingPolicy, Rule, Transport
from node.core.forwarding.scope import scope_of
from node.core.forwarding.target import Target, UnixTarget, read_target
from node.core.identity import Identity
from node.core.scopes import matches

ANN = Identity("ann", ("team:db", "ops:*"))


def policy(*lines: str, default: Action = Action.DENY) -> ForwardingPolicy:
    """Rules out of lines such as "allow db-*:5432 ann,team:db"."""
    rules = []
    for number, line in enumerate(lines, 1):
        action, target, *more = line.split()
        principals = tuple(more[0].split(",")) if more else ()
        rules.append(Rule(parse_pattern(target), Action(action), principals, rule_id=str(number)))
    return ForwardingPolicy(default, tuple(rules))


NETWORKS_FIRST = policy("deny 10.0.0.0/8", "deny 127.0.0.0/8", "allow *.lan", "allow 192.0.2.0/24:80..90")


@pytest.mark.parametrize(
    ("rules", "target", "addresses", "rule"),
    [
        # the hole that is closed: a name that resolves into a refused network
        (NETWORKS_FIRST, "db.lan:22", ["192.0.2.1"], "+3"),
        (NETWORKS_FIRST, "db.lan:22", ["10.1.2.3"], "-1"),
        (NETWORKS_FIRST, "db.lan:22", ["192.0.2.1", "10.1.2.3"], "-1"),
        (NETWORKS_FIRST, "db.lan:22", ["192.0.2.1", "::ffff:10.1.2.3"], "-1"),
        (NETWORKS_FIRST, "db.lan:22", [], "-1"),
        (NETWORKS_FIRST, "10.1.2.3:22", [], "-1"),
        (NETWORKS_FIRST, "127.1:22", ["127.0.0.1"], "-2"),
        # ports are half-open
        (NETWORKS_FIRST, "192.0.2.9:79", [], "-"),
        (NETWORKS_FIRST, "192.0.2.9:80", [], "+4"),
        (NETWORKS_FIRST, "192.0.2.9:89", [], "+4"),
        (NETWORKS_FIRST, "192.0.2.9:90", [], "-"),
        (policy("allow *:22"), "db:22", [], "+1"),
        (policy("allow *:22"), "db:23", [], "-"),
        # the first that matches decides
        (policy("deny db-1", "allow db-*"), "db-1:1", [], "-1"),
        (policy("deny db-1", "allow db-*"), "DB-1.:1", [], "-1"),
        (policy("deny db-1", "allow db-*"), "db-2:1", [], "+2"),
        (policy("allow db-*", "deny db-1"), "db-1:1", [], "+1"),
        (policy("allow *", default=Action.DENY), "x:1", [], "+1"),
        (policy(default=Action.DENY), "x:1", [], "-"),
        (policy(default=Action.ALLOW), "x:1", [], "+"),
        (policy("allow *.x"), "x:1", [], "-"),
        (policy("allow *.x"), "a.b.x:1", [], "+1"),
        (policy("allow ab*ba"), "aba:1", [], "-"),
        # a network is not known of a name that was not resolved
        (policy("allow 10.0.0.0/8"), "db:1", [], "-"),
        (policy("allow 10.0.0.0/8"), "db:1", ["10.0.0.1"], "+1"),
        (policy("allow 10.0.0.0/8"), "db:1", ["10.0.0.1", "11.0.0.1"], "-"),
        (policy("allow 10.0.0.0/8", "allow fd00::/8"), "db:1", ["10.0.0.1", "fd00::1"], "+1"),
        (policy("deny 10.0.0.0/8:1", "allow *"), "db:2", [], "+2"),
        # an address that carries one of another network may lead there
        (policy("deny 10.0.0.0/8", "allow *"), "[64:ff9b::a01:203]:22", [], "-1"),
        (policy("deny 10.0.0.0/8", "allow *"), "db:22", ["2002:a01:203::7"], "-1"),
        (policy("deny 10.0.0.0/8", "allow *"), "[::10.1.2.3]:22", [], "-1"),
        (policy("deny 10.0.0.0/8", "allow *"), "[64:ff9b::b01:203]:22", [], "+2"),
        (policy("allow 10.0.0.0/8"), "[64:ff9b::a01:203]:22", [], "-"),
        (policy("deny 0.0.0.0/8", "allow ::1"), "[::1]:22", [], "+2"),
        # a name is no address, and an address no name
        (policy("allow *.lan", "allow a*"), "10.0.0.1:1", [], "-"),
        # what no rule can allow
        (policy("allow *"), "0.0.0.0:22", [], "-"),
        (policy("allow *"), "db:22", ["::"], "-"),
        (policy("allow *"), "db:22", ["nonsense"], "-"),
        (policy("allow *"), ":22", [], "-"),
        (policy("allow *"), "db:0", [], "-"),
        # reserved names and sockets
        (policy("deny 0.0.0.0/0", "allow alknet-*"), "alknet-control:0", [], "+2"),
        (policy("allow alknet-*"), "alknet:1", [], "-"),
        (policy("deny 0.0.0.0/0", "allow /run/*.sock"), "/run/a.sock", [], "+2"),
        (policy("allow /run/*"), "/run/a/b", [], "-"),
        (policy("allow *:1", "allow db"), "/run/a", [], "-"),
        (policy("allow *"), "/run/a", [], "+1"),
        # principals: a peer or a scope
        (policy("allow * ann"), "x:1", [], "+1"),
        (policy("allow * bob,team:db"), "x:1", [], "+1"),
        (policy("allow * ops:night"), "x:1", [], "+1"),
        (policy("allow * bob,team:web"), "x:1", [], "-"),
        (policy("deny * bob", "allow *"), "x:1", [], "+2"),
    ],
)
def test_the_table(rules: ForwardingPolicy, target: str, addresses: list[str], rule: str) -> None:
    found = judge(rules, ANN, read_target(target), addresses, Transport.QUIC, Direction.LOCAL)
    assert ("+" if found.allowed else "-") + (found.rule.rule_id if found.rule else "") == rule
    assert found.explanation


def test_a_rule_may_be_of_some_transports_and_of_one_direction() -> None:
    pattern = parse_pattern("*")
    rule = Rule(pattern, Action.ALLOW, transports=(Transport.TCP,), directions=(Direction.REMOTE,))
    asked = [(way, to) for way in Transport for to in Direction]
    rules = ForwardingPolicy(rules=(rule,))
    allowed = [one for one in asked if judge(rules, ANN, Target("x", 1), (), *one).allowed]
    assert allowed == [(Transport.TCP, Direction.REMOTE)]


def test_to_listen_everywhere_is_judged_as_every_address() -> None:
    loopback = policy("allow 127.0.0.0/8", "allow ::1")
    for host, allowed in (("127.0.0.1", True), ("::1", True), ("", False), ("0.0.0.0", False), ("::", False)):
        found = judge(loopback, ANN, Target(host, 8080), (), Transport.QUIC, Direction.REMOTE)
        assert found.allowed is allowed, host
    assert judge(policy("allow *:0"), ANN, Target("", 0), (), Transport.QUIC, Direction.REMOTE).allowed
    for lines, host, allowed in (
        (("deny 127.0.0.0/8", "allow *"), "", False),
        (("deny 127.0.0.0/8", "allow *"), "0.0.0.0", False),
        (("deny 127.0.0.0/8", "allow *"), "::", True),
        (("deny [fd00::/8]:22", "allow *"), "::", True),
        (("deny [fd00::/8]:8080", "allow *"), "", False),
        (("allow 0.0.0.0", "allow ::", "deny 127.0.0.0/8"), "", True),
        (("allow 0.0.0.0/0", "allow ::/0"), "", True),
    ):
        found = judge(policy(*lines), ANN, Target(host, 8080), (), Transport.QUIC, Direction.REMOTE)
        assert found.allowed is allowed, (lines, host)


def test_nobody_forwards_without_a_name() -> None:
    allowing = policy("allow *", default=Action.ALLOW)
    assert not judge(allowing, None, Target("x", 1), (), Transport.QUIC, Direction.LOCAL).allowed


def test_sockets_have_scopes_of_their_own() -> None:
    held = ("ssh:forward:*:*", "ssh:listen:*:*", "ssh:forward:*")
    for direction in Direction:
        assert any(matches(one, scope_of(Target("::1", 22), direction)) for one in held)
        assert not any(matches(one, scope_of(UnixTarget("/run/docker.sock"), direction)) for one in held)
    assert scope_of(Target("", 0), Direction.REMOTE) == "ssh:listen::0"
    assert scope_of(UnixTarget("/run/a"), Direction.REMOTE) == "ssh:listen-unix:/run/a"


NAMES = ["db-1.lan", "db-2.lan", "web.lan", "10.0.0.7", "fd00::7"]
NETS = ["10.0.0.0/8", "10.0.0.7", "192.0.2.0/24", "fd00::/8", "0.0.0.0/0"]
CARRIED = {"64:ff9b::a00:7": "10.0.0.7", "2002:c000:201::1": "192.0.2.1"}
ADDRESSES = ["10.0.0.7", "10.9.9.9", "192.0.2.1", "::ffff:10.0.0.7", "fd00::7", "2001:db8::1", *CARRIED]
HOST_TEXTS = ["*", "db-*", "*.lan", "db-1.lan", "web*lan", *NETS]
PORT_TEXTS = ["", "22", "22..23", "20..30", "0..65536"]
ROW = st.tuples(
    st.sampled_from(list(Action)),
    st.sampled_from(HOST_TEXTS),
    st.sampled_from(PORT_TEXTS),
    st.sets(st.sampled_from(["ann", "bob", "team:db", "ops:night"])),
    st.sets(st.sampled_from(list(Transport)), max_size=2),
    st.sets(st.sampled_from(list(Direction)), max_size=1),
)
Row = tuple[Action, str, str, set[str], set[Transport], set[Direction]]


def by_the_paper(rows: list[Row], host: str, port: int, seen: list[str], way: Transport, to: Direction) -> bool:
    """The spec read anew, with sets, regular expressions and numbers in place of the code's objects."""
    verdicts = []
    for address in seen or [host if re.fullmatch(r"[0-9.]+|[0-9a-f]*:[0-9a-f:.]+", host) else ""]:
        verdict = False
        for action, text, ports, who, ways, sides in rows:
            if (
                (who and not who & {"ann", "team:db", "ops:night"})
                or (ways and way not in ways)
                or (sides and to not in sides)
            ):
                continue
            if ports:
                low, _, high = ports.partition("..")
                if port not in range(int(low), int(high or int(low) + 1)):
                    continue
            covered = _covered(text, host, address.removeprefix("::ffff:"))
            if covered == "yes" or (covered == "perhaps" and action == Action.DENY):
                verdict = action == Action.ALLOW
                break
        verdicts.append(verdict)
    return all(verdicts)


def _covered(text: str, host: str, address: str) -> str:
    if text == "*":
        return "yes"
    if text not in NETS:
        return "yes" if re.fullmatch(re.escape(text).replace(r"\*", ".*"), host) else "no"
    if not address:
        return "perhaps"
    base, _, bits = text.partition("/")
    one, other = ipaddress.ip_address(address), ipaddress.ip_address(base)
    if one.version != other.version:
        carried = CARRIED.get(address)
        return "perhaps" if carried and _covered(text, host, carried) == "yes" else "no"
    shift = one.max_prefixlen - int(bits or one.max_prefixlen)
    return "yes" if int(one) >> shift == int(other) >> shift else "no"


@settings(max_examples=80)
@given(
    st.lists(ROW, max_size=5),
    st.sampled_from(NAMES),
    st.sampled_from([19, 20, 22, 23, 29, 30]),
    st.lists(st.sampled_from(ADDRESSES), max_size=3),
    st.sampled_from(list(Transport)),
    st.sampled_from(list(Direction)),
)
def test_judged_as_the_paper_says(
    rows: list[Row], host: str, port: int, seen: list[str], way: Transport, to: Direction
) -> None:
    seen = [] if host in ("10.0.0.7", "fd00::7") else seen
    rules = ForwardingPolicy(rules=tuple(_rule(row) for row in rows))
    found = judge(rules, ANN, Target(host, port), seen, way, to)
    assert found.allowed is by_the_paper(rows, host, port, seen, way, to)


def _rule(row: Row) -> Rule:
    action, host, ports, who, ways, sides = row
    text = f"[{host}]" if ports and ":" in host else host
    return Rule(
        parse_pattern(f"{text}:{ports}" if ports else text), action, tuple(who), frozenset(ways), frozenset(sides)
    )
