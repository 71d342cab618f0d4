"""Reading the rules of forwarding, as people and programs see them, and as the node does."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence

from apps.forwarding.errors import Absent
from apps.forwarding.json_forms import rule_json
from apps.forwarding.models import Rule
from apps.peers import selectors as peers
from apps.peers.hanging import Hanging
from node.core.forwarding.policy import Action, ForwardingPolicy
from node.core.forwarding.rules import policy_of

SHORTEST_PREFIX = 4
"""Characters of an id that may stand for all of it."""


def list_rules() -> list[Rule]:
    """All of them, in their order."""
    return list(Rule.objects.all())


def get_rule(rule_id: str) -> Rule:
    """By its id. Raises Absent."""
    found = Rule.objects.filter(pk=rule_id).first()
    if found is None:
        raise Absent(rule_id)
    return found


def find_rule(beginning: str) -> Rule:
    """By the whole id, or by a beginning that only one has. Raises Absent."""
    rows = Rule.objects.filter(pk=beginning)
    if len(beginning) >= SHORTEST_PREFIX and not rows.exists():
        rows = Rule.objects.filter(pk__startswith=beginning)
    found = list(rows[:2])
    if len(found) != 1:
        raise Absent(beginning, several=bool(found))
    return found[0]


def naming(peer_ids: Iterable[str]) -> list[Rule]:
    """The rules that are for one of these names, in their order. What is damaged stays as it is."""
    names = set(peer_ids)
    rows = Rule.objects.exclude(principals=[]) if names else ()
    return [row for row in rows if row.principals == list(row.names("principals")) and names & set(row.principals)]


def allowing(peer_ids: Iterable[str]) -> list[tuple[Rule, set[str]]]:
    """The rules that allow something to these peers by name, each with the names: what goes when the peers do.

    A name that is a scope of others as well stays.
    """
    names = set(peer_ids)
    rows = [row for row in naming(names) if row.action == Action.ALLOW]
    named = {name for row in rows for name in row.principals if name in names}
    going = {name for name in named if not is_scope_of_others(name, names)}
    return [(row, found) for row in rows if (found := going & set(row.principals))]


def is_scope_of_others(name: str, peer_ids: Collection[str]) -> bool:
    """Whether a peer that is none of these has a scope of this name."""
    return any(holder not in peer_ids for holder in peers.names_with_scope(name))


def hanging_rules(peer_ids: Sequence[str]) -> list[Hanging]:
    """What goes with these peers: a rule that is for nobody else, or their names in one."""
    found = []
    for row, names in allowing(peer_ids):
        goes = names.issuperset(row.principals)
        words = f"{row}, which goes" if goes else f"its name in {row}"
        found += [Hanging(f"{row.pk} {name}", name, "Forwarding rule", words) for name in sorted(names)]
    return found


def current_policy() -> ForwardingPolicy:
    """What the node decides by, out of the rows as they are."""
    return policy_of(row.core() for row in Rule.objects.all())


def order_digest() -> str:
    """Of which rules there are, in their order: whoever moves one knows what it comes to stand behind."""
    names = Rule.objects.values_list("pk", flat=True)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def state_digest(row: Rule) -> str:
    """Of all that is told of a rule, its place included: whoever changes it knows what it stands behind."""
    return hashlib.sha256(json.dumps(rule_json(row), sort_keys=True).encode()).hexdigest()
