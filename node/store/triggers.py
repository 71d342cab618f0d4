"""Whether the file tells of its changes: the row triggers that write the notifications, as the schema has them.

A remake of a table drops its triggers without a word. What then changes leaves no notification, and no delta shows it.
"""

import re
from collections.abc import Collection

from node.honker_file import Database
from node.store.changes import CHANNELS

_EVENTS = ("INSERT", "UPDATE", "DELETE")
_TRIGGERS = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND sql IS NOT NULL"
_AFTER = re.compile(
    r"""CREATE \s+ TRIGGER \s+ (?: "[^"]*" | \S+ ) \s+ AFTER \s+ (?P<event> INSERT | UPDATE | DELETE ) \s+ ON \s+
        (?: "[^"]*" | \S+ ) \s+ (?: FOR \s+ EACH \s+ ROW \s+ )? (?: WHEN \s+ (?P<condition> .*? ) \s+ )?
        BEGIN \s+ (?P<body> .* ) END""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def untold_changes(database: Database) -> list[str]:
    """The kinds of change that leave no notification, such as "UPDATE of peers". Empty where all is well."""
    conditions: dict[tuple[str, str], set[str]] = {}
    for row in database.query(_TRIGGERS):
        table, trigger = row["tbl_name"], _AFTER.match(row["sql"])
        if trigger and table in CHANNELS and _notifies(trigger["body"], CHANNELS[table]):
            told = conditions.setdefault((table, trigger["event"].upper()), set())
            told.add(_plain(trigger["condition"] or ""))
    wanted = [(table, event) for table in CHANNELS for event in _EVENTS]
    return [f"{event} of {table}" for table, event in wanted if not _always(conditions.get((table, event), ()))]


def _notifies(body: str, channel: str) -> bool:
    return "INSERT INTO _honker_notifications" in body and f"'{channel}'" in body


def _plain(condition: str) -> str:
    return " ".join(condition.replace('"', "").upper().split())


def _always(conditions: Collection[str]) -> bool:
    """Whether every change meets one of them: a trigger has no condition, or two have opposite ones."""
    return "" in conditions or any(_opposite(condition) in conditions for condition in conditions)


def _opposite(condition: str) -> str:
    """Of `X IS Y`, the form in which a change of key is told apart from any other."""
    left, _, right = condition.partition(" IS ")
    return f"{left} IS NOT {right}"
