"""How the loop learns that a program has ended: by a descriptor of its process, without a thread that waits for it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import TypeVarTuple, Unpack

Given = TypeVarTuple("Given")


def wait_without_threads() -> None:
    """Have the running loop notice the ends of programs: before 3.12, Python has a thread wait for each of them.

    Call it once for the process. It stays with threads where the system has no descriptors of processes.
    """
    if sys.version_info < (3, 12):
        try:
            os.close(os.pidfd_open(os.getpid()))
        except (AttributeError, OSError):
            return
        watcher = _Watcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.get_event_loop_policy().set_child_watcher(watcher)


if sys.version_info < (3, 12):

    class _Watcher(asyncio.PidfdChildWatcher):
        def add_child_handler(
            self, pid: int, callback: "Callable[[int, int, Unpack[Given]], object]", *args: "Unpack[Given]"
        ) -> None:
            """A program that cannot be watched, since there is no descriptor left, would run on and be nobody's."""
            try:
                super().add_child_handler(pid, callback, *args)
            except OSError:
                for kill in (os.killpg, os.kill):
                    with contextlib.suppress(ProcessLookupError):
                        kill(pid, signal.SIGKILL)
                raise
