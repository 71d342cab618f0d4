"""Tables whose rows are written once: the SQLite triggers that refuse to change or remove one, as text.

The panel's side makes them, and `alknet doctor` looks whether they are there; both compare the text letter by letter.
They stop mistakes and programs that mean no harm. Who may write the file can drop them: that is what the chain of
hashes is for (docs/audit.md).
"""

from collections.abc import Container, Mapping

PREFIX = "alknet_audit_"
"""What the names of these triggers begin with. Every trigger of such a name is ours, and so is any on the tables."""

APPEND_ONLY_TABLES = {"audit_auditentry": "the audit log", "audit_checkpoint": "the checkpoints of the audit log"}
"""Each table, and what it is in words."""


def append_only_triggers(existing: Container[str]) -> dict[str, str]:
    """The SQL of every trigger by its name, for those of the tables that exist."""
    return {
        name: sql
        for table, words in APPEND_ONLY_TABLES.items()
        if table in existing
        for name, sql in _triggers(table, words).items()
    }


def concerns(name: str, table: str) -> bool:
    """Whether a trigger of the file is one of these, or could be in the way of one."""
    return name.startswith(PREFIX) or table in APPEND_ONLY_TABLES


def wrong_triggers(existing: Container[str], found: Mapping[str, str]) -> list[str]:
    """The names of those that are not there or read otherwise, and of what is none of them.

    `found` has the SQL of the file's triggers that `concerns` is true of, by name. One of somebody else's may have an
    INSERT ignored, so that changes leave no row.
    """
    wanted = append_only_triggers(existing)
    wrong = [name for name, sql in wanted.items() if found.get(name) != sql]
    return wrong + sorted(name for name in found if name not in wanted)


def _triggers(table: str, words: str) -> dict[str, str]:
    """A row goes after the last one: so neither OR REPLACE, which fires no DELETE trigger, nor a gap gets through."""
    last = f'SELECT coalesce(max("id"), 0) + 1 FROM "{table}"'  # noqa: S608 - constants of this module
    refusals = (
        ("insert", f"rows of {words} have numbers without gaps", f'WHEN NEW."id" IS NOT ({last}) '),
        ("update", f"{words} is append-only: no row is changed", ""),
        ("delete", f"{words} is append-only: no row is removed", ""),
    )
    return {
        f"{PREFIX}{table}_{verb}": f'CREATE TRIGGER "{PREFIX}{table}_{verb}" BEFORE {verb.upper()} ON "{table}" '
        f"{when}BEGIN SELECT RAISE(ABORT, '{message}'); END"
        for verb, message, when in refusals
    }
