"""The rules themselves: an ordered list, of which the first that matches decides; where none does, the default."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from node.core.forwarding.patterns import Pattern
from node.core.identity import Identity
from node.core.scopes import matches


class Action(StrEnum):
    """What a rule does with what it matches."""

    ALLOW = "allow"
    DENY = "deny"


class Transport(StrEnum):
    """How the peer is connected with the node."""

    QUIC = "quic"
    TCP = "tcp"
    CHANNEL = "channel"
    """A stream within another connection."""


class Direction(StrEnum):
    """Which end listens."""

    LOCAL = "local"
    """The peer's: the node connects to the target (ssh -L, -D, -W)."""
    REMOTE = "remote"
    """The node's: it listens at the target, and the peer connects (ssh -R)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. An empty `principals`, `transports` or `directions` asks nothing.

    A principal is the name of a peer, or a scope that the peer has. `rule_id` names the row.
    """

    target: Pattern
    action: Action
    principals: tuple[str, ...] = ()
    transports: Collection[Transport] = ()
    directions: Collection[Direction] = ()
    rule_id: str = ""

    def concerns(self, identity: Identity, transport: Transport, direction: Direction) -> bool:
        """Whether it is about this peer, so connected, in this direction, whatever the target."""
        return (
            (not self.transports or transport in self.transports)
            and (not self.directions or direction in self.directions)
            and (not self.principals or any(_is(identity, principal) for principal in self.principals))
        )


@dataclass(frozen=True, slots=True)
class ForwardingPolicy:
    """Rules in their order. Immutable: a change of the rules is another policy, for what is opened from then on."""

    default: Action = Action.DENY
    rules: tuple[Rule, ...] = ()

    def concerning(self, identity: Identity, transport: Transport, direction: Direction) -> "ForwardingPolicy":
        """The same for this peer, so connected, in this direction: without the rules that are not about it."""
        rules = tuple(rule for rule in self.rules if rule.concerns(identity, transport, direction))
        return ForwardingPolicy(self.default, rules)


def _is(identity: Identity, principal: str) -> bool:
    return identity.id == principal or any(matches(held, principal) for held in identity.scopes)
