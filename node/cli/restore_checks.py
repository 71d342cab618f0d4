"""What `alknet restore` finds out about a backup that is unpacked: its databases, its version, its vault."""

import json
import subprocess
from os import environ
from pathlib import Path

from node.backup.errors import BackupError
from node.backup.fitness import Migration, require_fit
from node.backup.names import VAULT
from node.backup.reading import Unpacked
from node.cli.manage import child_environment, manage_argv
from node.cli.restore_vault import Words, vault_findings
from node.journal.schema import VERSION as JOURNAL_VERSION
from node.settings import LoadedSettings

_SECONDS = 120


def checked(loaded: LoadedSettings, place: Path, unpacked: Unpacked, words: Words | None) -> list[str]:
    """What was found, in sentences. Raises BackupError, CustodyError where it is nothing to restore."""
    found = require_fit(place, unpacked.manifest, known_migrations(loaded), JOURNAL_VERSION)
    found += vault_findings(loaded.settings, place if (place / VAULT).is_file() else None, words)
    found += [f"{name} is not in it: only a sealed backup takes a key along" for name in unpacked.manifest.left_out]
    return found


def known_migrations(loaded: LoadedSettings) -> frozenset[Migration]:
    """This version's own. Django tells them, in a process that opens no database. Raises BackupError."""
    done = subprocess.run(
        manage_argv("known_migrations"),
        env={**environ, **child_environment(loaded)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    try:
        return frozenset((app, name) for app, name in json.loads(done.stdout))
    except (ValueError, TypeError):
        raise BackupError(f"manage.py known_migrations failed:\n{done.stderr.strip()}") from None
