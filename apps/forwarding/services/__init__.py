"""Changing the rules of forwarding. Every door leads here: the panel, REST and the command line.

Each function is one transaction that holds the change, its audit row and, by the triggers of apps.notify, its
notification. Nothing is written when anything is wrong. Raises InvalidRule and Absent.
"""

from apps.forwarding.services.following import follow_rename, forget
from apps.forwarding.services.rules import (
    FIELDS,
    MAX_RULES,
    OBJECT_TYPE,
    RuleAction,
    add_rule,
    change_rule,
    move_rule,
    plan_rule,
    remove_rules,
)

__all__ = [
    "FIELDS",
    "MAX_RULES",
    "OBJECT_TYPE",
    "RuleAction",
    "add_rule",
    "change_rule",
    "follow_rename",
    "forget",
    "move_rule",
    "plan_rule",
    "remove_rules",
]
