"""Reading the rules of forwarding, as people and programs see them, and as the node does."""

import hashlib
import json

from apps.forwarding.errors import Absent
from apps.forwarding.json_forms import rule_json
from apps.forwarding.models import Rule
from node.core.forwarding.policy import ForwardingPolicy
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


def current_policy() -> ForwardingPolicy:
    """What the node decides by, out of the rows as they are."""
    return policy_of(row.core() for row in Rule.objects.all())


def state_digest(row: Rule) -> str:
    """Of all that is told of a rule, its place included: whoever changes it knows what it stands behind."""
    return hashlib.sha256(json.dumps(rule_json(row), sort_keys=True).encode()).hexdigest()
