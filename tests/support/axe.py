"""axe-core's judgement of a page. It is fetched by npm into a directory that goes with the tests, never kept here."""

import functools
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

VERSION = "4.14.1"
SECONDS = 60
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""Of these, what can hold in the light and not in the dark: nothing else of a page differs."""


@functools.cache
def _source() -> str | None:
    """The script, or None on a machine without npm, or without its registry."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", "--silent", f"axe-core@{VERSION}", "--pack-destination", place]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS, cwd=place)
        except (subprocess.SubprocessError, OSError):
            return None
        (archive,) = Path(place).glob("*.tgz")
        with tarfile.open(archive) as packed:
            script = packed.extractfile("package/axe.min.js")
            assert script is not None
            return script.read().decode()


def violations(page: Page, *, within: str, without: str, rules: dict[str, Any] = RULES) -> list[str]:
    """Each broken rule and the first element that breaks it, of what one selector names but for what the other does."""
    source = _source()
    if source is None:
        pytest.skip("axe-core cannot be had")
    page.evaluate(source)
    found: dict[str, Any] = page.evaluate(
        "([within, without, rules]) => axe.run({ include: within, exclude: without }, "
        "{ runOnly: rules, resultTypes: ['violations'] })",
        [within, without, rules],
    )
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found["violations"]]
