"""What a backup can hold, by its path below the data directory, and what becomes of it."""

from pathlib import Path

MANIFEST = "manifest.json"
DATABASE = "alknet.db"
JOURNAL = "node.db"
SETTINGS = "alknet.toml"
VAULT = "secrets/vault.json"
CERTIFICATE = "secrets/node_certificate.pem"
NODE_KEY = "secrets/node_key.pem"
TOKEN_KEY = "secrets/token_key"  # noqa: S105 - the name of a file

DATABASES = (DATABASE, JOURNAL)
"""In the order in which they are copied. The control plane remembers how far it has read the journal: of the two copies
that of the journal must be the younger, or restored events would count as read."""
FILES = (VAULT, SETTINGS)
OPEN_KEYS = (CERTIFICATE, NODE_KEY, TOKEN_KEY)
"""Files with a key in the open. Only a sealed backup has them."""
ALL = (*DATABASES, *FILES, *OPEN_KEYS)

BESIDE_A_DATABASE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file; of another file's past it would corrupt this one."""

LONGEST_FILE = 1024 * 1024
"""Bytes of any file that is no database."""


def longest(name: str) -> int:
    """Bytes that a file of this name may have: a database as many as the archive can say."""
    return 2**62 if name in DATABASES else LONGEST_FILE


def with_companions(name: str) -> tuple[str, ...]:
    """The names that go when this one is replaced."""
    return (name, *(name + suffix for suffix in BESIDE_A_DATABASE)) if name in DATABASES else (name,)


def below(directory: Path, name: str) -> Path:
    """The file of that name. Only for a name out of ALL: any other raises ValueError."""
    if name not in ALL:
        raise ValueError("no name of a backup")
    return directory / name
