"""User and password of a SOCKS5 proxy, from a file that nobody else may read."""

from pathlib import Path

from node.cli.options import EXIT_USAGE, fail
from node.core.socks5.wire import MAX_TEXT, Login
from node.private_file import UnusableFile, read_private


def login_from(file: Path, option: str) -> Login:
    """What stands in the file: USER:PASSWORD in one line. Ends the command, never quoting it, where it is not so."""
    try:
        line = read_private(file, 2 * MAX_TEXT + 3)
    except FileNotFoundError:
        fail(f"{option} {file}: no such file", EXIT_USAGE)
    except UnusableFile as error:
        fail(f"{option} {file}: {error.problem}", EXIT_USAGE)
    user, _, password = line.removesuffix(b"\n").removesuffix(b"\r").partition(b":")
    try:
        return Login(user, password)
    except ValueError as error:
        fail(f"{option} {file}: expected USER:PASSWORD in one line: {error}", EXIT_USAGE)
