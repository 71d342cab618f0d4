"""A page beside pictures of the panel that shows all of them.

Run as `python -m tests.support.screens.sheet DIR`, after whoever has made them: they are more processes than one.
"""

import re
import sys
from itertools import product
from pathlib import Path

from tests.support.screens.looking import SCHEMES, WIDTHS

STYLE = "body{font:14px sans-serif;background:#888}p{display:flex;gap:8px;align-items:start}img{height:420px}"


def names(place: Path) -> list[str]:
    """What there are pictures of: the pages, and then the flows."""
    found = {re.sub(r"-\d+-[a-z]+\.png$", "", file.name) for file in place.glob("*.png")}
    return sorted(found, key=lambda name: (name.startswith("flow-"), name))


def contact_sheet(names: list[str]) -> str:
    """HTML with a row for each: its four pictures, each of which opens by a click."""
    rows = []
    for name in names:
        files = [f"{name}-{width}-{scheme}.png" for width, scheme in product(WIDTHS, SCHEMES)]
        shown = "".join(f'<a href="{file}"><img loading="lazy" src="{file}" alt="{file}"></a>' for file in files)
        rows.append(f'<h2 id="{name}">{name}</h2><p>{shown}</p>')
    head = f"<!DOCTYPE html><meta charset=utf-8><title>The panel</title><style>{STYLE}</style>"
    return f"{head}{''.join(rows)}\n"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "index.html").write_text(contact_sheet(names(place)))
