"""From the source to a tree that can be imported: every module compiled, none of them edited."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from declarations import declare
from tools import TIME_LIMIT_S, BuildTools

MODULES = (
    "_crypto", "buffer", "tls", "quic/configuration", "quic/congestion/base", "quic/congestion/cubic",
    "quic/congestion/reno", "quic/connection", "quic/crypto", "quic/events", "quic/logger", "quic/packet",
    "quic/packet_builder", "quic/rangeset", "quic/recovery", "quic/retry", "quic/stream",
)  # fmt: skip
"""What runs for each packet. The rest of the package, which we do not use, stays as it is."""


class Uncompiled(Exception):
    """There is no compiler, or it failed."""


def require_compiler() -> None:
    """Raises Uncompiled where a C compiler or Python's headers are missing."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise Uncompiled(
            f"a C compiler is needed, and there is no {compiler}; on Debian and Ubuntu: apt-get install gcc python3-dev"
        )
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise Uncompiled("the headers of Python are missing; on Debian and Ubuntu: apt-get install python3-dev")


def compile_tree(tools: BuildTools, source: Path, tree: Path) -> Path:
    """Raises Uncompiled. The sources stay in the tree beside what was made of them, for tracebacks; Python takes the
    compiled module where there are both."""
    shutil.copytree(source / "src", tree, ignore=shutil.ignore_patterns("*.egg-info"))
    declare(tree / "aioquic")
    argv = (str(tools.python), "-I", str(Path(__file__).with_name("in_build.py")), str(tree), *MODULES)
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    if ran.returncode:
        raise Uncompiled(f"the engine does not compile:\n{_tail(ran.stdout + ran.stderr)}")
    for left in [path for path in tree.rglob("*") if path.suffix in (".c", ".pxd")]:
        left.unlink()
    shutil.rmtree(tree / "build", ignore_errors=True)
    shutil.copy(source / "LICENSE", tree / "LICENSE")
    return tree


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-40:])


if sys.flags.optimize:
    raise SystemExit("run it without -O")
