"""Fills a migrated database with sample peers. Run as `python -m bench.fill PATH COUNT KEYED`."""

import contextlib
import json
import sqlite3
import sys

from bench.sample import sample_peers

_INSERT = """
    INSERT INTO peers (peer_id, fingerprints, auth_token_hash, scopes, resources, display_name, enabled)
    VALUES (?, ?, ?, ?, ?, ?, 1)"""


def main(path: str, count: str, keyed: str) -> None:
    rows = (
        (
            peer.peer_id,
            json.dumps(peer.fingerprints),
            peer.auth_token_hash,
            json.dumps(peer.scopes),
            json.dumps(dict(peer.resources)),
            peer.display_name,
        )
        for peer in sample_peers(int(count), int(keyed))
    )
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.executemany(_INSERT, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
