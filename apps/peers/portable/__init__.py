"""Peers as files: TOML, CSV and OpenSSH's authorized_keys, in both directions.

A file is read into rows (`formats.read`), rows become a plan beside the peers that there are (`plan.make_plan`), and
apps.peers.services.import_peers carries it out in one transaction. Reading is total: a file is taken whole or not at
all, and what is wrong with it is told by row.
"""
