"""The program that stands for the interpreter in tests: hands its command line to the server of warm processes.

It is started as `sys.executable` would be, with the same arguments, environment, directory and descriptors, and
ends as the process does that runs for it. Copied into a directory where the servers' sockets lie (tests.support.warm).
What it imports is built in: it starts in some hundredths of a second.
"""

import _socket  # the module around it takes longer to import than all the rest
import marshal
import os
import signal
import sys

HEAD = 8
"""Bytes of a length or a number, on the way to the server and back."""

KILL = signal.SIGUSR2
"""Kills the process that runs for this one; this one then ends like it."""


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[0].startswith("-") and arguments[0] != "-m" and arguments[:2] != ["-P", "-m"]:
        os.execv(sys.executable, [sys.executable, *arguments])  # what is no command of ours
    with_server = ask(arguments)
    child = number_from(with_server)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _frame: tell(child, number))
    signal.signal(KILL, lambda _number, _frame: tell(child, signal.SIGKILL))
    end_like(number_from(with_server))


def ask(arguments: list[str]) -> _socket.socket:
    """Hand over the command line and every descriptor that this process was given."""
    given = sorted(number for number in map(int, os.listdir("/proc/self/fd")) if is_given(number))
    with_server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    with_server.connect(door(arguments))
    request = marshal.dumps((os.getcwd(), arguments, dict(os.environ), given))  # noqa: PTH109
    numbers = b"".join(number.to_bytes(4, sys.byteorder) for number in given)
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)]
    with_server.sendmsg([len(request).to_bytes(HEAD, "big")], rights)
    with_server.sendall(request)
    for number in (number for number in given if number > 2):
        os.close(number)  # the end of the other process is to be seen at its other end
    return with_server


def door(arguments: list[str]) -> str:
    """The socket of the server that has imported the most of what these arguments run."""
    place = os.path.dirname(sys.argv[0])  # noqa: PTH120 - imports nothing
    names = (os.environ.get("DJANGO_SETTINGS_MODULE") or "socket", "socket")
    if os.path.basename(arguments[0]) == "manage.py":  # noqa: PTH119 - the same
        names = (f"manage-{arguments[1] if arguments[1:] else ''}", "alknet_site.settings")
    paths = [os.path.join(place, name) for name in names]  # noqa: PTH118 - the same
    return next((path for path in paths[:-1] if os.path.exists(path)), paths[-1])  # noqa: PTH110 - the same


def is_given(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:  # it was open for the list only
        return False


def number_from(with_server: _socket.socket) -> int:
    data = with_server.recv(HEAD)
    return int.from_bytes(data, "big", signed=True) if data else os.EX_SOFTWARE


def tell(child: int, number: int) -> None:
    try:
        os.kill(child, number)
    except ProcessLookupError:  # its end is on the way
        pass


def end_like(status: int) -> None:
    """With this exit status or, where it is negative, by that signal."""
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main()
