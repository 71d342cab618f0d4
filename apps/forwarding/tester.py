"""What the node would say to a peer that asks to be connected, and why: its own functions, asked in its own order."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import realpath
from pathlib import Path

from django.conf import settings

from apps.access import selectors as access
from apps.forwarding import selectors
from apps.forwarding.errors import InvalidQuestion
from apps.forwarding.models import Rule
from apps.forwarding.names import NotResolved, addresses_of
from node.core.access import AccessControl
from node.core.explain import Question, Subject, SubjectKind, explain, identity_of
from node.core.forwarding.judgement import Judgement, judge, listened_on
from node.core.forwarding.policy import Direction, Transport
from node.core.forwarding.scope import scope_of
from node.core.forwarding.target import (
    MAX_ADDRESSES,
    AnyTarget,
    InvalidTarget,
    Target,
    UnixTarget,
    read_address,
    read_target,
)
from node.core.identity import Identity
from node.core.peers import check_peer_id
from node.core.scopes import allowed_by_scope

ALPN = b"alknet/ssh"
MAX_TARGET = 320
"""Longest text of a target, in characters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. `addresses` stand in for looking the name up; None looks it up."""

    peer_id: str
    target: AnyTarget
    direction: Direction
    transport: Transport
    addresses: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the judgement: who it is, whether it has the scope, where the name leads, what the rules say."""

    step: str
    allowed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """All must be allowed. `rule` is the row that decided among the rules, None where none did."""

    allowed: bool
    text: str
    rule: Rule | None
    addresses: tuple[str, ...]
    steps: tuple[Step, ...]


def question(
    *, peer_id: str, target: str, direction: str, transport: str, addresses: Sequence[str] | None = None
) -> Asked:
    """Out of what people type. Raises InvalidQuestion."""
    errors = {"peer_id": check_peer_id(peer_id)}
    if direction not in frozenset(Direction):
        errors["direction"] = [f"One of: {', '.join(Direction)}."]
    if transport not in frozenset(Transport):
        errors["transport"] = [f"One of: {', '.join(Transport)}."]
    if addresses is not None and (len(addresses) > MAX_ADDRESSES or None in map(read_address, addresses)):
        errors["addresses"] = [f"At most {MAX_ADDRESSES} IP addresses."]
    try:
        found = read_target(target)
    except InvalidTarget as error:
        errors["target"] = [f"{str(error)[:1].upper()}{str(error)[1:]}."]
    else:
        if direction == Direction.REMOTE and isinstance(found, Target) and not found.port:
            errors["target"] = ["Port 0 is any that is free, and is judged once it is known: ask for that."]
    if wrong := {name: texts for name, texts in errors.items() if texts}:
        raise InvalidQuestion(wrong)
    given = None if addresses is None else tuple(addresses)
    return Asked(peer_id, found, Direction(direction), Transport(transport), given)


def answer(asked: Asked) -> Answer:
    """By the rows as they are. A stranger's name is not looked up: nothing would come of it."""
    caller, identity = _caller(asked.peer_id)
    if identity is None or not caller.allowed:
        return Answer(allowed=False, text=caller.text, rule=None, addresses=(), steps=(caller,))
    steps: tuple[Step, ...] = (caller, _scope(identity, asked.target, asked.direction))
    try:
        targets = _targets(asked.target, asked.direction)
        addresses = _addresses(asked)
    except NotResolved as error:
        return _whole((*steps, Step("name", allowed=False, text=str(error))), None, ())
    if len(targets) > 1:
        steps = (*steps, Step("name", allowed=True, text=f"it leads to {targets[-1]}"))
        steps = (*steps, _scope(identity, targets[-1], asked.direction))
    policy = selectors.current_policy()
    judged = [
        judge(policy, identity, target, addresses, asked.transport, asked.direction)
        for target in (targets if asked.direction == Direction.REMOTE else targets[-1:])
    ]
    found = next((one for one in judged if not one.allowed), judged[-1])
    return _whole((*steps, Step("rules", found.allowed, found.explanation)), found, addresses)


def _whole(steps: tuple[Step, ...], found: Judgement | None, addresses: tuple[str, ...]) -> Answer:
    """The first step that refuses decides; where none does, the rules."""
    deciding = next((step for step in steps if not step.allowed), steps[-1])
    rule = None if found is None or found.rule is None else Rule.objects.filter(pk=found.rule.rule_id).first()
    return Answer(deciding.allowed, deciding.text, rule, addresses, steps)


def _caller(peer_id: str) -> tuple[Step, Identity | None]:
    """Who the node takes the peer for, and as whom it judges it at this moment."""
    now, subject = time.time(), Subject(SubjectKind.PEER, peer_id)
    index, held = access.index_of(subject, now), access.held(now)
    found = explain(Question(subject, ALPN, AccessControl()), index, held, now)
    identity = identity_of(subject, index, held, now)
    text = found.children[-1].text if found.children else found.text
    return Step("caller", found.allowed and identity is not None, text), identity


def _scope(identity: Identity, target: AnyTarget, direction: Direction) -> Step:
    decision = allowed_by_scope(identity, scope_of(target, direction))
    why = decision.explanation if decision.allowed else f"{decision.message}; {decision.explanation}"
    return Step("scope", decision.allowed, why)


def _targets(asked: AnyTarget, direction: Direction) -> tuple[AnyTarget, ...]:
    """What is asked for and, where links lead a socket's path elsewhere, where it really lies.

    Raises NotResolved for the node's own, which no rule can give away.
    """
    if isinstance(asked, Target):
        if asked.reserved:
            raise NotResolved("the name is reserved for the node itself")
        return (asked,)
    real = _real(asked, direction)
    if any(Path(one.path).is_relative_to(settings.PATHS.data.resolve()) for one in (asked, real)):
        raise NotResolved("it is in the node's data directory, from where nothing is forwarded")
    return (asked,) if real == asked else (asked, real)


def _real(asked: UnixTarget, direction: Direction) -> UnixTarget:
    """To listen, only the directory is gone to: the node makes the socket. Raises NotResolved."""
    directory, _, name = asked.path.rpartition("/")
    local = direction == Direction.LOCAL
    try:
        return UnixTarget(realpath(asked.path) if local else str(Path(realpath(directory or "/"), name)))
    except InvalidTarget:
        raise NotResolved("it leads to a path that cannot be forwarded") from None


def _addresses(asked: Asked) -> tuple[str, ...]:
    """What is judged. A name is looked up; all else is an address already, or has none. Raises NotResolved."""
    target = asked.target
    if not isinstance(target, Target):
        return ()
    if asked.direction == Direction.REMOTE:
        if found := listened_on(target):
            return found
        raise NotResolved("to listen, no name is looked up: it takes an address, localhost, or no host for all")
    if target.literal is not None or not target.host:
        return ()
    if asked.addresses is not None:
        return asked.addresses
    return () if settings.ALKNET.forwarding.proxy else addresses_of(target.host)
