"""Data directories that begin with the database as `manage.py prepare` leaves it: made once, then copied.

For tests of what comes after. To make the tables takes a second each time, and no row of them depends on the directory.
"""

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from node.core.paths import DataPaths
from tests.support import warm
from tests.support.appliance import environment

MANAGE = Path(__file__).parents[2] / "manage.py"


@cache
def _database() -> bytes:
    with tempfile.TemporaryDirectory(prefix="alknet-migrated-") as place:
        paths = DataPaths(Path(place) / "data")
        command = [warm.python(), MANAGE, "prepare"]
        subprocess.run(command, env=environment(ALKNET_DATA=str(paths.data)), check=True, timeout=120)
        assert [path.name for path in paths.data.glob("alknet.db*")] == ["alknet.db"], "all of it is in one file"
        return paths.database.read_bytes()


def migrated(data: Path) -> Path:
    """The directory, which holds no database yet and may be missing, with that one."""
    data.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(DataPaths(data).database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(_database())
    return data
