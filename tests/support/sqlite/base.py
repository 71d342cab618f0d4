"""Emptying all tables between tests goes past the triggers that protect the audit log; a migrate makes them anew."""

from typing import Any

from django.db.backends.sqlite3 import base, operations

from node.core.append_only import APPEND_ONLY_TABLES, append_only_triggers


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, *args: Any, **options: Any) -> list[str]:
        drops = [f'DROP TRIGGER IF EXISTS "{name}"' for name in append_only_triggers(APPEND_ONLY_TABLES)]
        return [*drops, *super().sql_flush(*args, **options)]


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
