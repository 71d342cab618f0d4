"""honker's own tables, made by honker: it is the one owner of their shape (decision 24).

A process of its own does it. Two SQLite libraries on one file in one process lose commits, and honker's wheel may bring
the second.
"""

import subprocess
import sys

from django.db.backends.base.base import BaseDatabaseWrapper

_MAKE = "import sys, honker; honker.open(sys.argv[1]).close()"
_TIMEOUT_S = 30.0


class HonkerTablesFailed(RuntimeError):
    """honker could not open the file; the message is what it said."""


def make_honker_tables(connection: BaseDatabaseWrapper) -> None:
    """Have honker make its tables if they are not there yet. Never inside a transaction: it would wait for its end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = '_honker_notifications'")
        if cursor.fetchone() is not None:
            return
    if connection.in_atomic_block:
        raise HonkerTablesFailed("honker's tables cannot be made while a transaction is open")
    # -P: without it a honker.py in the directory from which the command was given would run.
    command = [sys.executable, "-P", "-c", _MAKE, str(connection.settings_dict["NAME"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise HonkerTablesFailed((done.stderr.strip().splitlines() or ["no message"])[-1])
