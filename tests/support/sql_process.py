"""The process behind SqlWriter: one JSON request a line in, one JSON reply a line out.

Run as `python sql_process.py PATH`.

It imports nothing of the project, so that it starts fast.
"""

import contextlib
import json
import sqlite3
import sys
import time
from typing import Any

INIT = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;"


def _do(connection: sqlite3.Connection, action: str, statements: list[list[Any]]) -> dict[str, Any]:
    match action:
        case "query":
            return {"rows": connection.execute(*statements[0]).fetchall()}
        case "script":
            connection.executescript(statements[0][0])
        case "backup":
            source, (target,) = statements[0]
            with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
                old.backup(new)
        case _:
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            run = connection.executemany if action == "executemany" else connection.execute
            for sql, values in statements:
                run(sql, values)
            if action != "begin":
                connection.execute("ROLLBACK" if action == "rollback" else "COMMIT")
    return {"at": time.time()}


def main(path: str) -> None:
    """Serve requests until the end of stdin."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(INIT)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = _do(connection, request["action"], request["statements"])
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
