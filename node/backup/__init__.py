"""A backup of a data directory in one file, and the way back (docs/backup.md).

Pure but for files: what opens a vault, asks a node or knows migrations is given by who calls. Nothing here imports
honker, so that a process which copies a database holds one SQLite library (decision 13).
"""
