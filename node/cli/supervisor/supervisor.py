"""The supervisor: two keepers, one ready file, one way out."""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from node.cli.supervisor.keeper import Keeper
from node.cli.supervisor.ready import Ready, ReadyFile
from node.core.paths import DataPaths

STOP_GRACE = 4.0
"""Seconds that children get to drain; the whole stop stays below five."""
_TOKEN_POLL = 1.0
"""Seconds between looks at whether the set-up token is gone."""

logger = logging.getLogger(__name__)


class Supervisor:
    """Keeps web and node alive until a signal ends it, and publishes when both serve.

    The keepers set `changed` when their child begins or ceases to serve, or tells news. `announce` is called when both
    serve for the first time; where the node waits for its vault, then, and once more when it serves.
    """

    def __init__(
        self,
        web: Keeper,
        node: Keeper,
        *,
        changed: asyncio.Event,
        paths: DataPaths,
        public_url: str | None,
        announce: Callable[[Ready], None],
        grace: float = STOP_GRACE,
    ) -> None:
        self._web = web
        self._node = node
        self._changed = changed
        self._paths = paths
        self._public_url = public_url
        self._announce = announce
        self._grace = grace
        self._file = ReadyFile(paths.ready_file)

    async def run(self) -> None:
        """Return after a signal. Raises ChildFailed where a child never came to serve."""
        stopping = _catch_signals()
        work = (self._web.run(), self._node.run(), self._publish(), stopping.wait())
        tasks: list[asyncio.Task[object]] = [asyncio.create_task(part) for part in work]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            self._write(None)
            await _cancel(tasks)
            await asyncio.gather(self._web.stop(self._grace), self._node.stop(self._grace))

    async def _publish(self) -> None:
        announced: Ready | None = None
        while True:
            self._changed.clear()
            ready = self._ready()
            self._write(ready)
            if ready is not None and (announced is None or ready.node_serving > announced.node_serving):
                announced = ready
                self._tell(ready)
            with suppress(TimeoutError):
                # Never wait_for: in Python 3.11 it swallows a cancellation that comes together with the event.
                async with asyncio.timeout(_TOKEN_POLL):
                    await self._changed.wait()

    def _ready(self) -> Ready | None:
        web, node = self._web.serving, self._node.serving
        if web is None or node is None:
            return None
        return Ready.of(web, node, paths=self._paths, public_url=self._public_url)

    def _tell(self, ready: Ready) -> None:
        """Nobody may be reading: no reason to end two processes that serve."""
        try:
            self._announce(ready)
        except OSError as error:
            logger.warning("the start cannot be announced", extra={"error": error.strerror})

    def _write(self, ready: Ready | None) -> None:
        """A full disk neither ends two processes that serve nor hinders their end: say so, and try again next turn."""
        try:
            self._file.publish(ready)
        except OSError as error:
            logger.error("the ready file cannot be written", extra={"error": error.strerror})


def _catch_signals() -> asyncio.Event:
    """Set by the first SIGTERM, SIGINT, or SIGHUP of a closed terminal; later ones change nothing.

    The drain has its own limit.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    for number in (signal.SIGTERM, signal.SIGINT, *(() if under_nohup else (signal.SIGHUP,))):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _cancel(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
