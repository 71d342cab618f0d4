"""The node's listener, a process of its own that tells what it holds.

Run as `python -m bench.watched_server LIMITS`, which is JSON of those limits that are not to be the defaults. Prints
its port and pin, then one line of JSON for each line that comes in.
"""

import asyncio
import contextlib
import gc
import json
import logging
import sys
import time
from typing import Any

from bench.engine_commands import commands, prepare
from bench.engine_side import ALPN, HOST
from bench.engine_workload import Duplex, answer
from bench.memory import resident
from node.core.connection import Connection
from node.core.errors import StreamError
from node.core.identity import Address
from node.quic.limits import QuicLimits
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import NodeKey


class WatchedServer:
    """Answers as the engine bench's servers do; what is no request of theirs is dropped with its stream."""

    def __init__(self, listener: QuicListener) -> None:
        self._listener = listener
        self._tasks: set[asyncio.Task[None]] = set()
        listener.start(self._accept)

    def report(self) -> dict[str, Any]:
        """Memory and CPU time of the process, and how many there are of everything that should go."""
        gc.collect()
        loop = asyncio.get_running_loop()
        # The loop keeps its timers in a private list, and has no other way to tell of them.
        timers = [timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()]
        hosts = list(self._listener._hosts)
        return {
            "rss": resident(),
            "cpu_s": time.process_time(),
            "tasks": len(asyncio.all_tasks()),
            "timers": len(timers),
            "routes": len(self._listener._routes),
            "hosts": len(hosts),
            "streams": sum(len(link.engine._streams) for link in hosts),
            "origins": len(self._listener._admission.by_origin),
            **self._listener.snapshot(),
        }

    def _accept(
        self,
        connection: Connection,
        alpn: bytes,
        fingerprint: str | None,
        remote_addr: Address | None,
        *,
        alternative: str | None = None,
    ) -> None:
        self._keep(self._serve(connection))

    async def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(StreamError):
            while True:
                self._keep(self._answer(await connection.accept_bi()))

    async def _answer(self, stream: Duplex) -> None:
        with contextlib.suppress(StreamError, AssertionError, ValueError):
            await answer(stream)

    def _keep(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def main(limits: QuicLimits) -> None:
    key = NodeKey.generate()
    listener = await QuicListener.bind(HOST, 0, key=key, alpns=[ALPN], limits=limits)
    server = WatchedServer(listener)
    print(listener.address[1], key.fingerprint, flush=True)
    async for _ in commands():
        print(json.dumps(server.report()), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    prepare(0)
    asyncio.run(main(QuicLimits.model_validate_json(sys.argv[1])))
