"""docs/rest.md: its walk, run as it stands there, against a real panel."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support import warm
from tests.support.appliance import environment
from tests.support.migrated import migrated
from tests.support.web import Web

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rest.md").read_text()
BLOCKS = ("token", "peers", "etag", "once", "end")


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def documents(text: str) -> list[dict[str, object]]:
    """The JSON objects that stand one after another."""
    found, decoder = [], json.JSONDecoder()
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def test_the_walk_goes_as_it_is_told(tmp_path: Path, program: Callable[[str], str]) -> None:
    program("curl")
    alknet = tmp_path / "bin" / "alknet"
    alknet.parent.mkdir()
    alknet.write_text(f'#!/bin/sh\nexec {warm.python() or sys.executable} -P -m node.cli.main "$@"\n')
    alknet.chmod(0o755)
    web = Web(migrated(tmp_path / "data"))
    try:
        script = "".join(map(block, BLOCKS)).replace("http://127.0.0.1:8000", web.url)
        variables = environment(ALKNET_DATA=str(tmp_path / "data"), PYTHONPATH=str(ROOT))
        variables["PATH"] = f"{alknet.parent}:{variables['PATH']}"
        done = subprocess.run(
            ("sh", "-euc", script),
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        web.end()
    assert done.returncode == 0, done.stdout + done.stderr + web.log()
    put, read, page, changed, late, key, again, renamed = documents(done.stdout)
    assert put == read
    assert page["items"] == [put]
    assert (changed["enabled"], late["status"]) == (False, 412)
    assert key == again
    assert renamed["peer_id"] == "notebook"
    token = (tmp_path / "header").read_text().split()[-1]
    assert token.split("_", 2)[2] not in web.log()
    assert (tmp_path / "header").stat().st_mode & 0o777 == 0o600
