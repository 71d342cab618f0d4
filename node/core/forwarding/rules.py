"""Rules out of plain fields, as forms, programs and the database have them; and the policy that many of them make.

A damaged row of a table of permissions gives nothing. Here it might have refused something: in its place stands a rule
that refuses everything, and what is further down counts no more (docs/adr/0052).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from node.core.errors import InvalidFields
from node.core.forwarding import patterns
from node.core.forwarding.notation import InvalidPattern, parse_pattern
from node.core.forwarding.policy import Action, Direction, ForwardingPolicy, Rule, Transport
from node.core.live import Live
from node.core.metrics import gauges
from node.core.peers import CONTROL, MAX_SCOPE_LENGTH, NO_CONTROL

MAX_PRINCIPALS = 50
"""Peers and scopes that one rule may name."""
MAX_PRINCIPAL = MAX_SCOPE_LENGTH
MEANINGS = gauges(stored="Rules of forwarding in the database.")
FIRST = -1
"""The place of a damaged rule of which nobody can tell where it stood: before all others."""

Choice = TypeVar("Choice", bound=StrEnum)


class InvalidRule(InvalidFields):
    """One or more fields of a forwarding rule are wrong."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule with its place among the others; the lowest is asked first, and of one place the lowest id."""

    position: int
    rule: Rule


def build_rule(
    *,
    target: Any,
    action: Any,
    principals: Any = (),
    transports: Any = (),
    directions: Any = (),
    rule_id: str = "",
) -> Rule:
    """The rule of these fields, which may be anything. Raises InvalidRule that names every wrong one."""
    errors: dict[str, list[str]] = {}
    pattern, known = _pattern(target, errors), isinstance(action, str) and action in frozenset(Action)
    found = Rule(
        pattern,
        Action(action) if known else Action.DENY,
        _principals(principals, errors),
        _choices("transports", transports, Transport, errors),
        _choices("directions", directions, Direction, errors),
        rule_id,
    )
    if not known:
        errors["action"] = [f"One of: {', '.join(Action)}."]
    if errors:
        raise InvalidRule(errors)
    return found


def refusing(rule_id: str, position: int | None) -> Placed:
    """What stands in the place of a rule that cannot be read."""
    return Placed(FIRST if position is None else position, Rule(patterns.Any(), Action.DENY, rule_id=rule_id))


def policy_of(rules: Iterable[Placed]) -> ForwardingPolicy:
    """These rules in their order, and a default that refuses."""
    ordered = sorted(rules, key=lambda placed: (placed.position, placed.rule.rule_id))
    return ForwardingPolicy(Action.DENY, tuple(placed.rule for placed in ordered))


class ForwardingProvider:
    """Holds the rules by their ids, and the policy of them, for whoever decides by it. Without rules all is refused."""

    def __init__(self) -> None:
        self.forwarding = Live(ForwardingPolicy())
        self._placed: Mapping[str, Placed] = {}
        self._rule_subscribers: list[Callable[[], None]] = []

    def publish_rules(self, rules: Mapping[str, Placed]) -> None:
        """Make these all the rules there are."""
        self._placed = rules
        policy = policy_of(rules.values())
        if policy != self.forwarding.value:
            self.forwarding.value = policy
            for callback in self._rule_subscribers:
                callback()

    def subscribe_rules(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the loop after every later change of the policy. It must neither block nor raise."""
        self._rule_subscribers.append(callback)

    def patch_rules(self, changes: Mapping[str, Placed | None]) -> None:
        """Change these rules, all at once; None removes one."""
        changed = {**self._placed, **changes}
        self.publish_rules({name: placed for name, placed in changed.items() if placed is not None})

    def forwarding_counts(self) -> dict[str, int]:
        """Numbers for the metrics."""
        return {"stored": len(self._placed)}


def _pattern(text: Any, errors: dict[str, list[str]]) -> patterns.Pattern:
    if not isinstance(text, str):
        errors["target"] = ["A target is a text."]
        return patterns.Any()
    try:
        return parse_pattern(text)
    except InvalidPattern as error:
        errors["target"] = [str(error)]
        return patterns.Any()


def _principals(value: Any, errors: dict[str, list[str]]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        errors["principals"] = ["A list of texts."]
        return ()
    if len(value) > MAX_PRINCIPALS:
        errors["principals"] = [f"At most {MAX_PRINCIPALS} peers and scopes; this has {len(value)}."]
    elif any(not 0 < len(item) <= MAX_PRINCIPAL or CONTROL.search(item) or item != item.strip() for item in value):
        errors["principals"] = [f"A peer or a scope has 1 to {MAX_PRINCIPAL} characters, {NO_CONTROL}."]
    elif len(set(value)) < len(value):
        errors["principals"] = ["One of them is there twice."]
    return tuple(value)


def _choices(name: str, value: Any, of: type[Choice], errors: dict[str, list[str]]) -> tuple[Choice, ...]:
    """In the order of the enum. All of them are written as none: no restriction."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(item, str) and item in frozenset(of) for item in value
    ):
        errors[name] = [f"A list of: {', '.join(of)}."]
        return ()
    chosen = tuple(one for one in of if one in value)
    return () if len(chosen) == len(of) else chosen
