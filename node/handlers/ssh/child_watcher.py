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
    """Have loops notice the ends of programs: before 3.12, Python has a thread wait for each of them.

    Call it once for the process. It stays with threads where the system has no descriptors of processes.
    """
    if sys.version_info < (3, 12):
        try:
            os.close(os.pidfd_open(os.getpid()))
        except (AttributeError, OSError):
            return
        asyncio.get_event_loop_policy().set_child_watcher(_Watcher())


if sys.version_info < (3, 12):

    class _Watcher(asyncio.PidfdChildWatcher):
        """Of whichever loop starts a program."""

        _of: asyncio.AbstractEventLoop | None = None

        def is_active(self) -> bool:
            return True

        def add_child_handler(
            self, pid: int, callback: "Callable[[int, int, Unpack[Given]], object]", *args: "Unpack[Given]"
        ) -> None:
            """A program that cannot be watched, since there is no descriptor left, would run on and be nobody's."""
            if self._of is not (loop := asyncio.get_running_loop()):
                self._of = loop
                self.attach_loop(loop)
            try:
                super().add_child_handler(pid, callback, *args)
            except OSError:
                for kill in (os.killpg, os.kill):
                    with contextlib.suppress(ProcessLookupError):
                        kill(pid, signal.SIGKILL)
                raise
