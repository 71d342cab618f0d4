"""What `alknet call` is given: input, token and claim, each read or refused with exit status 2."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from node.cli.options import EXIT_USAGE, fail
from node.core.identity import Identity
from node.handlers.call.envelope import claimed_identity
from node.handlers.call.limits import MAX_FRAME

_MAX_TOKEN = 4096


def input_value(text: str) -> Any:
    """The JSON value of the input; `-` stands for the standard input, which is UTF-8 whatever the terminal has."""
    try:
        read = sys.stdin.buffer.read(MAX_FRAME + 1) if text == "-" else text.encode()
        return json.loads(read.decode(), parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        fail(f"JSON: {error}", EXIT_USAGE)


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def bearer_token(text: str | None, file: Path | None) -> str | None:
    if text is not None and file is not None:
        fail("--token and --token-file exclude each other", EXIT_USAGE)
    if file is None:
        return text
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_MAX_TOKEN).strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--token-file {file}: cannot be read: {getattr(error, 'strerror', None) or 'not text'}", EXIT_USAGE)


def claim(text: str | None) -> Identity | None:
    """On whose behalf the call is made. A node would take a malformed claim for none, so it is refused here."""
    if text is None:
        return None
    claimed = claimed_identity(msgspec.Raw(text.encode()))
    if claimed is None:
        fail('--forwarded-for: expected {"id": "…", "scopes": ["…"], "resources": {"…": ["…"]}}', EXIT_USAGE)
    return claimed
