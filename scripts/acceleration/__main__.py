"""Build the accelerated engine (docs/adr/0025): python scripts/acceleration [--force]. `scripts/accelerate` calls it.

What is built lies beside the installed packages, in a directory named after aioquic's version, the interpreter and the
architecture. It appears there whole and proven, or not at all. With nothing to do, nothing is done; where only our own
code has changed since, the copy that is there is proven again with it.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compiling import Uncompiled, compile_tree, require_compiler
from gate import GateFailed, prove_whole, prove_with_us
from sources import SourceRefused, fetch_source
from tools import BuildTools, ToolsMissing, install_test_tools

from node.quic.accelerated import STAMP, Found, Objection, digest_of_code, digest_of_tree, find, place
from node.quic.version import WANTED

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/accelerate", description="Compile the QUIC engine, and prove it.")
    parser.add_argument("--force", action="store_true", help="build and prove it anew, whatever is there")
    forced = parser.parse_args().force
    os.umask(0o022)  # what others may write is not loaded
    digest_of_code()  # kept from here on: what is stamped is the code from before the gate
    found = find()
    if found.objection is None and not forced and _made_by_this_recipe(found.tree):
        _say(f"the accelerated engine is built, and proven with this code: {found.tree}")
        return
    again = not forced and _only_our_code_changed(found)
    if not again:
        require_compiler()
    with _workshop(found.tree.parent) as scratch:
        (_prove_again if again else _build)(found.tree, scratch)
    _say(f"the accelerated engine is ready; the node uses it from its next start: {found.tree}")


@contextlib.contextmanager
def _workshop(directory: Path) -> Iterator[Path]:
    """A directory to build in, on the same file system as the result. One build at a time; what a killed one has left
    goes."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in directory.glob("building-*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=directory, prefix="building-") as scratch:
            yield Path(scratch)


def _build(tree: Path, scratch: Path) -> None:
    _say("installing the build tools")
    tools, test_tools = BuildTools.install(scratch / "tools"), install_test_tools(scratch / "test-tools")
    _say(f"fetching aioquic {WANTED}")
    source = fetch_source(tools, scratch)
    _say("compiling, which takes a minute or two")
    made = compile_tree(tools, source, scratch / "tree")
    _seal(made, {"aioquic": WANTED, "recipe": recipe(), "proven": prove_whole(made, source, test_tools, _say)})
    if tree.exists():
        tree.rename(scratch / "old")
    made.rename(tree)


def _prove_again(tree: Path, scratch: Path) -> None:
    """What is said of the copy alone still holds, for not a byte of it has changed."""
    stamp = _stamp(tree)
    _say("the code around the engine has changed since; proving them together again")
    proven = prove_with_us(tree, install_test_tools(scratch / "test-tools"), _say)
    _seal(tree, {**stamp, "proven": {**stamp["proven"], **proven}})


def _only_our_code_changed(found: Found) -> bool:
    whole = _stamp(found.tree).get("tree") == digest_of_tree(found.tree)
    return found.objection is Objection.OUTDATED and whole and _made_by_this_recipe(found.tree)


def recipe() -> str:
    """A digest of all that decides what is built."""
    whole = hashlib.sha256()
    for name in ("requirements.txt", "compiling.py", "declarations.py", "in_build.py", "sources.py"):
        whole.update((HERE / name).read_bytes())
    return whole.hexdigest()


def _made_by_this_recipe(tree: Path) -> bool:
    return bool(_stamp(tree).get("recipe") == recipe())


def _stamp(tree: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((tree / STAMP).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def _seal(tree: Path, facts: dict[str, Any]) -> None:
    """Put the stamp into the tree, in one step."""
    text = json.dumps({**facts, "tree": digest_of_tree(tree), "code": digest_of_code()}, indent=2)
    unfinished = tree / f"{STAMP}.unfinished"
    unfinished.write_text(text + "\n")
    unfinished.replace(tree / STAMP)


def _say(text: str) -> None:
    print(f"accelerate: {text}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (GateFailed, SourceRefused, ToolsMissing, Uncompiled) as error:
        sys.exit(
            f"accelerate: {error}\naccelerate: nothing has changed; everything works without it, on the stock engine"
        )
    except OSError as error:
        sys.exit(f"accelerate: {place().parent} cannot be used: {error}")
