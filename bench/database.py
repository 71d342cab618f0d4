"""A migrated data directory full of peers, as Django makes it; and child processes that work on one."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from node.core.paths import DataPaths

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def filled_database(peers: int, keyed: int = 0) -> Iterator[DataPaths]:
    """A fresh data directory with so many sample peers in its migrated database; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="alknet-bench-") as directory:
        paths = DataPaths(Path(directory) / "data")
        paths.data.mkdir(mode=0o700)
        run_child(paths, str(ROOT / "manage.py"), "migrate", "--verbosity", "0")
        run_child(paths, "-m", "bench.fill", str(paths.database), str(peers), str(keyed))
        yield paths


def run_child(paths: DataPaths, *arguments: str) -> str:
    """Run Python with these arguments on the data directory, and give what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(paths), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def environment(paths: DataPaths) -> dict[str, str]:
    """Ours without the settings that a developer may have set, with the data directory and a home beside it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ALKNET_")}
    home = paths.data.parent / "home"
    given = {"ALKNET_DATA": str(paths.data), "DJANGO_SETTINGS_MODULE": "alknet_site.settings"}
    return kept | given | {"XDG_CONFIG_HOME": str(home)}
