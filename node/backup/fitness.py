"""Whether this version can take what was unpacked: sound databases, and no newer ones."""

from collections.abc import Collection
from pathlib import Path

from node.backup import names
from node.backup.databases import inspect_database
from node.backup.errors import NotABackup, Unfit
from node.backup.manifest import Manifest

Migration = tuple[str, str]


def require_fit(unpacked: Path, manifest: Manifest, known: Collection[Migration], journal_version: int) -> list[str]:
    """What was looked at, in sentences. `known` are this version's migrations. Raises NotABackup, Unfit."""
    told = []
    for name in names.DATABASES:
        if not (unpacked / name).is_file():
            continue
        schema = inspect_database(unpacked / name)
        if schema != manifest.schemas.get(name):
            raise NotABackup(f"{name} is of another schema than its manifest says")
        told.append(f"{name} is sound")
    schema = manifest.schemas[names.DATABASE]
    if not schema.migrations:
        raise Unfit(f"{names.DATABASE} has no migrations: it is no database of Alknet")
    if newer := [one for one in schema.migrations if one not in known]:
        app, migration = newer[0]
        more = f" and {len(newer) - 1} more" if len(newer) > 1 else ""
        raise Unfit(
            f"it was made by a newer version of Alknet ({manifest.alknet}): this one does not know the migration "
            f"{app}.{migration}{more}; install that version, or a later one, and restore with it"
        )
    if (found := manifest.schemas.get(names.JOURNAL)) is not None and found.user_version > journal_version:
        raise Unfit(f"its {names.JOURNAL} is of version {found.user_version}; this Alknet knows {journal_version}")
    return [*told, f"its {len(schema.migrations)} migrations are known here"]
