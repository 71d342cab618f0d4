"""Try REST with requests that schemathesis makes up from its schema: python -P scripts/try_schema.py [PYTEST-OPTION…]

It goes into a directory that is thrown away, with what it needs besides; what is installed stays as it is. It wants an
older jsonschema-rs than the appliance does, and so cannot stand among the tools of the other tests.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS = ROOT / "scripts" / "schema" / "requirements.txt"
TESTS = "tests/apps/rest/made_up.py"


def main() -> int:
    with tempfile.TemporaryDirectory() as overlay:
        pip = (sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run((*pip, "--no-deps", "--target", overlay, "--requirement", str(PINS)), check=True)
        env = {**os.environ, "PYTHONPATH": overlay, "PYTHONDONTWRITEBYTECODE": "1"}
        options = ("-p", "no:cacheprovider", "--numprocesses", "auto", "--dist", "worksteal", *sys.argv[1:])
        argv = (sys.executable, "-P", "-m", "pytest", *options, TESTS)
        return subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
