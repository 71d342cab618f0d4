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
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEME_BREAKS = {
    "region": "the theme's bar above each page, and its pages of whoever is not signed in, lie in no landmark",
    "landmark-unique": "what scrolls the theme's lists is a region, each of one name",
}
"""Rules that are not asked for, since the theme breaks them everywhere; each is a recommendation, none of WCAG."""
NOT_OURS = "#api-docs"
"""What Swagger UI draws is its makers'."""


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


def violations(page: Page, *, within: str = "body") -> list[str]:
    """Each broken rule and the first element that breaks it, within what the selector names; but for `NOT_OURS`."""
    source = _source()
    if source is None:
        pytest.skip("axe-core cannot be had")
    page.evaluate(source)
    found: dict[str, Any] = page.evaluate(
        "([within, without, tags, off]) => axe.run({ include: within, exclude: without }, { "
        "resultTypes: ['violations'], runOnly: { type: 'tag', values: tags }, "
        "rules: Object.fromEntries(off.map((id) => [id, { enabled: false }])) })",
        [within, NOT_OURS, RULES, list(THEME_BREAKS)],
    )
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found["violations"]]
