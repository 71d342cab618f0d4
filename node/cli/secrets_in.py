"""Secrets that are given to a command: at a prompt, in a file, on standard input. Never as an argument."""

import getpass
import sys
from pathlib import Path
from typing import NoReturn

from node.cli.options import EXIT_USAGE, fail
from node.vault import SecretString

MAX_SECRET_FILE = 16 * 1024
"""Longest file with a secret that is read, in bytes."""


def is_terminal() -> bool:
    """Whether a person sits here: both what is read and what is printed is a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def secret_from(file: Path, option: str) -> SecretString:
    """The text in a file, or on standard input for `-`. Ends the command if it cannot be had."""
    return SecretString(text_from(file, f"{option} {file}", MAX_SECRET_FILE))


def text_from(file: Path, name: str, most: int) -> str:
    """The text in a file, or on standard input for `-`, but for one line end, which an editor or `echo` adds.

    Ends the command, calling it by this name, where it cannot be read, is no UTF-8 or has more than `most` bytes.
    """
    try:
        data = _without_line_end(_read(file, most + len(b"\r\n") + 1))
    except OSError as error:
        _refuse(f"{name}: cannot be read: {error.strerror}")
    if len(data) > most:
        _refuse(f"{name}: longer than {most} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        _refuse(f"{name}: not UTF-8 text")


def _read(file: Path, most: int) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(most)
    with file.open("rb") as opened:
        return opened.read(most)


def _without_line_end(data: bytes) -> bytes:
    return data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data


def ask_secret(prompt: str, option: str) -> SecretString:
    """What a person types, unseen. Ends the command where there is no terminal; `option` names the way without one."""
    if not is_terminal():
        _refuse(f"there is no terminal to ask at: give it with {option} FILE, or {option} - for standard input")
    try:
        return SecretString(getpass.getpass(f"{prompt}: "))
    except (EOFError, KeyboardInterrupt):
        fail("nothing was changed")


def ask_new_secret(prompt: str, option: str) -> SecretString:
    """The same twice, until both are equal."""
    while True:
        first, again = ask_secret(prompt, option), ask_secret("Again", option)
        with again:
            if first.reveal() == again.reveal():
                return first
        first.wipe()
        print("These were different.", file=sys.stderr)  # noqa: T201 - a word to the person at the prompt


def _refuse(message: str) -> NoReturn:
    fail(message, EXIT_USAGE)
