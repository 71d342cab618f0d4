"""Whether a peer may forward: its scope and the rules, both asked. Told in words that never name where to."""

from dataclasses import dataclass, field
from pathlib import Path

from node.core.access import Decision
from node.core.forwarding.judgement import judge_concerned
from node.core.forwarding.policy import Direction, ForwardingPolicy, Transport
from node.core.forwarding.scope import scope_of
from node.core.forwarding.target import AnyTarget, Target, UnixTarget
from node.core.identity import Identity
from node.core.scopes import allowed_by_scope

MESSAGE = "forwarding is not allowed"
_KEPT = 4
"""Whose rules are kept in mind: those of one peer each way, before and after a change of its scopes."""
_KINDS = {
    (Target, Direction.LOCAL): "direct-tcpip",
    (Target, Direction.REMOTE): "tcpip-forward",
    (UnixTarget, Direction.LOCAL): "direct-streamlocal",
    (UnixTarget, Direction.REMOTE): "streamlocal-forward",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Where to, and which end listens. `addresses` are those that the host's name was resolved to, if it was."""

    target: AnyTarget
    direction: Direction
    addresses: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What SSH calls a request for this."""
        return _KINDS[type(self.target), self.direction]


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules of one moment, for peers who come by one transport. `private` is the node's own directory."""

    policy: ForwardingPolicy
    transport: Transport
    private: Path | None = None
    _concerning: dict[tuple[str, tuple[str, ...], Direction], ForwardingPolicy] = field(
        default_factory=dict, repr=False, compare=False
    )
    """The rules that concern whom it was asked about last."""

    def may(self, identity: Identity | None, wish: Wish) -> Decision:
        """Both the scope and the rules."""
        decision = self.has_scope(identity, wish)
        return decision if identity is None or not decision.allowed else self._by_rules(identity, wish)

    def has_scope(self, identity: Identity | None, wish: Wish) -> Decision:
        """Whether it may at all, before anything is looked up for it."""
        if isinstance(wish.target, UnixTarget) and self._is_private(wish.target.path):
            return _no("it is the node's own, which no rule can allow")
        if isinstance(wish.target, Target) and wish.target.reserved:
            return _no("the name is reserved")
        if identity is None:
            return _no("the peer has lost its rights")
        scope = scope_of(wish.target, wish.direction)
        if not allowed_by_scope(identity, scope).allowed:
            kind = ":".join(scope.split(":", 2)[:2])  # and never what comes after it, which is where to
            return _no(f"“{identity.id}” has no scope {kind}:… that covers it")
        return Decision(allowed=True)

    def _by_rules(self, identity: Identity, wish: Wish) -> Decision:
        judged = judge_concerned(self._rules(identity, wish.direction), wish.target, wish.addresses, wish.direction)
        if judged.allowed:
            return Decision(allowed=True)
        rule = judged.rule
        named = "" if rule is None else f" {rule.rule_id}".rstrip()
        return _no("no rule allows it" if rule is None else f"the rule{named} refuses it")

    def _rules(self, identity: Identity, direction: Direction) -> ForwardingPolicy:
        key = (identity.id, identity.scopes, direction)
        found = self._concerning.get(key)
        if found is None:
            if len(self._concerning) >= _KEPT:
                self._concerning.clear()
            found = self._concerning[key] = self.policy.concerning(identity, self.transport, direction)
        return found

    def _is_private(self, path: str) -> bool:
        return self.private is not None and Path(path).is_relative_to(self.private)


def _no(explanation: str) -> Decision:
    return Decision(allowed=False, message=MESSAGE, explanation=explanation)
