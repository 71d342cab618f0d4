"""Whether a peer may forward, by which rule and why (spec handlers §2, decision 18). Pure: nothing is looked up here.

A name is resolved by the caller, once. Every address that came of it is judged by itself, and one that is refused
refuses the whole; what is then dialled is one of these addresses and never the name again, which might lead elsewhere
by now. Of a name without addresses, such as one that a proxy will resolve, nobody can tell in which network it lies: a
rule that refuses a network refuses it too, and a rule that allows one does not allow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.core.forwarding.policy import Action, Direction, ForwardingPolicy, Rule, Transport
from node.core.forwarding.target import AnyTarget, IpAddress, Target, UnixTarget, read_address
from node.core.identity import Identity

LOOPBACK = ("127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what an empty host means (RFC 4254 §7.1); bound nowhere here

_Decided = tuple[Rule | None, IpAddress | None, bool]
"""Which rule has decided, at which address, and whether that only may lie in what the rule names."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and the rule that gave it; None where the default did, or what no rule can allow.

    The explanation names the target and the peer. It is for whoever tests the rules; a log never shows it.
    """

    allowed: bool
    rule: Rule | None
    explanation: str


def judge(
    policy: ForwardingPolicy,
    identity: Identity | None,
    target: AnyTarget,
    addresses: Sequence[str],
    transport: Transport,
    direction: Direction,
) -> Judgement:
    """Judge one request. `addresses` are all that the host's name was resolved to; none for a name that was not.

    For an address, a Unix socket, a reserved name and an empty host they may be left out.
    """
    if identity is None:
        return Judgement(allowed=False, rule=None, explanation="the caller is anonymous")
    return judge_concerned(policy.concerning(identity, transport, direction), target, addresses, direction)


def judge_concerned(
    policy: ForwardingPolicy, target: AnyTarget, addresses: Sequence[str], direction: Direction
) -> Judgement:
    """The same by a policy that has the rules alone that concern the peer, for who asks it again and again."""
    found = _addresses(target, addresses, direction)
    wrong = _impossible(target, found, direction)
    if wrong:
        return Judgement(allowed=False, rule=None, explanation=wrong)
    decided = [_first(policy.rules, target, address) for address in (found or [None])]
    refusing = (one for one in decided if not _allows(policy, one))
    return _told(policy, target, next(refusing, decided[0]))


def listened_on(target: Target) -> tuple[str, ...]:
    """Where the node listens for this (RFC 4254 §7.1): no name but `localhost` is known. Else empty."""
    if not target.host:
        return EVERYWHERE
    if target.host == "localhost":
        return LOOPBACK
    return () if target.literal is None else (target.host,)


def _addresses(target: AnyTarget, given: Sequence[str], direction: Direction) -> list[IpAddress | None]:
    """What is judged: the given addresses, else the host where it is an address; None for what is no address."""
    if isinstance(target, UnixTarget) or target.reserved:
        return []
    if not given and not target.host and direction == Direction.REMOTE:
        given = EVERYWHERE
    if not given:
        return [] if target.literal is None else [target.literal]
    return [read_address(one) for one in given]


def _impossible(target: AnyTarget, addresses: Sequence[IpAddress | None], direction: Direction) -> str:
    """Why no rule can allow this; "" where one can."""
    if any(address is None for address in addresses):
        return f"one of the addresses of {target} is none"
    if direction == Direction.REMOTE or not isinstance(target, Target) or target.reserved:
        return ""
    if not target.host or not target.port:
        return f"{target} has no host or no port that could be connected to"
    if any(address is not None and address.is_unspecified for address in addresses):
        return f"{target} is the address of no host: whoever connects to it reaches the node itself"
    return ""


def _first(rules: Sequence[Rule], target: AnyTarget, address: IpAddress | None) -> _Decided:
    """The first rule that matches the target at this address; None where there is none."""
    for rule in rules:
        covered = rule.target.covers(target, address)
        if covered or (covered is None and rule.action != Action.ALLOW):
            return rule, address, covered is None
    return None, address, False


def _allows(policy: ForwardingPolicy, decided: _Decided) -> bool:
    rule = decided[0]
    return (policy.default if rule is None else rule.action) == Action.ALLOW


def _told(policy: ForwardingPolicy, target: AnyTarget, decided: _Decided) -> Judgement:
    rule, address, perhaps = decided
    shown, allowed = _shown(target, address), _allows(policy, decided)
    if rule is None:
        return Judgement(allowed, None, f"no rule is about {shown}: the default is to {policy.default}")
    if not perhaps:
        return Judgement(allowed, rule, f"{rule.target} covers {shown}")
    return Judgement(allowed, rule, f"{shown} may lie in {rule.target}: {_perhaps(address)}")


def _perhaps(address: IpAddress | None) -> str:
    """Why it may."""
    if address is None:
        return "it was not resolved"
    return "it is every address" if address.is_unspecified else "it carries such an address"


def _shown(target: AnyTarget, address: IpAddress | None) -> str:
    """The target, with the address that its name was resolved to."""
    named = isinstance(target, Target) and address is not None and target.literal is None
    return f"{target} ({address})" if named else str(target)
