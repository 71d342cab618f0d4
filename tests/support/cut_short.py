"""`manage.py credentials` with a request of this test, in children that die as by kill -9 before a certain step.

    python -m tests.support.cut_short REQUEST

For each line with a number N on stdin it forks a child that is killed before its N-th step, and says how that ended:
the exit status, or minus the signal. A step is a request to the node, a statement of SQL, a commit, or what comes
after a commit. The first request to the node is step 1; nothing before it writes.
"""

import io
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django
from django.core.management import call_command


class Steps:
    """Counts, and ends this process at a certain step."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._done = 0

    def request(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._next()
            return call(*args, **kwargs)

        return counted

    def commit(self, call: Callable[[], Any]) -> Callable[[], Any]:
        def counted() -> None:
            self._next()
            call()
            self._next()

        return counted

    def statement(self, execute: Callable[..., Any], *args: Any) -> Any:
        if self._done:
            self._next()
        return execute(*args)

    def _next(self) -> None:
        self._done += 1
        if self._done == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def run(request: str, until: int) -> None:
    """The command, in this process; none of its answer is shown."""
    from django.db import connection

    from node.control.client import ControlClient

    steps = Steps(until)
    ControlClient.call = steps.request(ControlClient.call)  # type: ignore[method-assign]
    connection._commit = steps.commit(connection._commit)
    connection.execute_wrappers.append(steps.statement)
    sys.stdin = io.TextIOWrapper(io.BytesIO(request.encode()))
    call_command("credentials", stdout=io.StringIO())


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "alknet_site.lean_settings"
    django.setup()
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            run(sys.argv[1], int(line))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
