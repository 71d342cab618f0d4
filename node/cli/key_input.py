"""Keys as they come on the command line: as text, in a file, or on stdin."""

import sys
from pathlib import Path

from node.cli.options import EXIT_USAGE, fail
from node.core.fingerprint import MAX_KEY_INPUT


def key_texts(option: str, given: str) -> list[str]:
    """Each key of an option, a file or stdin: a text with PEM in it is one key, else each line is one."""
    text = _key_input(option, given)
    if len(text) > MAX_KEY_INPUT:
        fail(f"{option}: longer than {MAX_KEY_INPUT} characters", EXIT_USAGE)
    if "-----BEGIN" in text:
        return [text]
    keys = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return keys or fail(f"{option} {given}: no key is in it", EXIT_USAGE)


def one_key(option: str, given: str) -> str:
    """The same where there is to be one key."""
    keys = key_texts(option, given)
    return keys[0] if len(keys) == 1 else fail(f"{option} {given}: expected one key", EXIT_USAGE)


def _key_input(option: str, given: str) -> str:
    if given == "-":
        return sys.stdin.read(MAX_KEY_INPUT + 1)
    if not given.startswith("@"):
        return given
    try:
        with Path(given[1:]).expanduser().open(encoding="utf-8") as file:
            return file.read(MAX_KEY_INPUT + 1)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{option} {given}: cannot be read: {getattr(error, 'strerror', None) or 'not text'}", EXIT_USAGE)
