"""From a checked, staged state to the decision: what comes, what goes, and the note that tells of it."""

import json
import os
import time
from pathlib import Path

from node.backup import names
from node.backup.errors import BackupError
from node.backup.reading import Unpacked
from node.backup.swap import NOTE, REPLACED, Plan, aside_name, decide, finish


def replace_by(data: Path, stage: Path, unpacked: Unpacked, file: Path) -> Path | None:
    """Put what is staged in place; where the old state is kept, if there was one. The caller has `data` alone.

    Both databases are replaced together, also by none: what one says of the other holds for a pair only. Any other file
    is replaced by one that is in the backup, and else left. Raises BackupError; nothing was changed if it is raised
    before the decision, and after it the next start of anything ends the work.
    """
    brings = [name for name in names.ALL if (stage / name).is_file()]
    (stage / NOTE).write_text(json.dumps(_note(unpacked, file)))
    (stage / NOTE).chmod(0o600)
    goes = {*names.DATABASES, *brings}
    takes = [one for name in names.ALL if name in goes for one in names.with_companions(name)]
    aside = aside_name()
    had_any = any(os.path.lexists(data / name) for name in takes)
    try:
        decide(data, Plan((*brings, NOTE), (*takes, NOTE), aside))
    except OSError as error:
        raise BackupError(f"{data} cannot be written: {error.strerror or error}") from None
    finish(data)
    return data / REPLACED / aside if had_any else None


def _note(unpacked: Unpacked, file: Path) -> dict[str, object]:
    manifest = unpacked.manifest
    return {
        "file": file.name,
        "made_at": manifest.made_at,
        "restored_at": int(time.time()),
        "encrypted": unpacked.sealed,
        "box": manifest.box,
        "alknet": manifest.alknet,
    }
