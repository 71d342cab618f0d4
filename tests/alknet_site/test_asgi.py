"""The ASGI application for other servers than ours."""

import subprocess
import sys
from pathlib import Path

from tests.support.appliance import environment
from tests.support.web import MANAGE


def test_it_is_imported_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import alknet_site.asgi"]
    settings = environment(ALKNET_DATA=str(tmp_path))
    done = subprocess.run(command, env=settings, cwd=MANAGE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
