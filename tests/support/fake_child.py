"""A stand-in for the web process or the node: the real lifeline and a real socket, and faults on demand.

Run as `python -m tests.support.fake_child web|node --ready-fd N`. Files in the data directory ask for faults:
`KIND.fail` ends it at the start, `KIND.hold` keeps it from serving until it is gone, `KIND.stubborn` makes it
ignore SIGTERM, `node.locked` lets the node tell first that it waits for its vault, until that file is gone.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from node.core.address import format_host_port, parse_host_port
from node.lifeline import Lifeline


async def main(kind: str, ready_fd: int) -> None:
    data = Path(os.environ["ALKNET_DATA"])
    with (data / f"{kind}.pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if (data / f"{kind}.fail").exists():
        sys.exit(f"{kind} has a reason to fail")
    stop = asyncio.Event()
    on_term = (lambda: None) if (data / f"{kind}.stubborn").exists() else stop.set
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, on_term)
    lifeline = Lifeline.from_fd(ready_fd)
    gone = asyncio.create_task(lifeline.wait_parent_gone())
    gone.add_done_callback(lambda _: stop.set())
    await serve(kind, data / f"{kind}.hold", lifeline, stop)


async def serve(kind: str, hold: Path, lifeline: Lifeline, stop: asyncio.Event) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        healthy = line.startswith(b"GET /healthz ") and not hold.exists()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if healthy else b"HTTP/1.1 503 Wait\r\n\r\n")
        writer.close()

    listen = os.environ["ALKNET_PANEL__LISTEN" if kind == "web" else "ALKNET_NODE__LISTEN"]
    async with await asyncio.start_server(answer, *parse_host_port(listen)) as server:
        while kind == "node" and hold.exists() and not stop.is_set():
            await asyncio.sleep(0.01)
        address = format_host_port(server.sockets[0].getsockname()[:2])
        await wait_for_vault(kind, hold.with_name("node.locked"), lifeline, stop)
        lifeline.ready(address=address, fingerprint=f"ed25519:{kind}", serving=True, vault="unlocked")
        await stop.wait()


async def wait_for_vault(kind: str, locked: Path, lifeline: Lifeline, stop: asyncio.Event) -> None:
    if kind != "node" or not locked.exists():
        return
    listen = os.environ["ALKNET_NODE__LISTEN"]
    lifeline.ready(address=listen, fingerprint="ed25519:node", certificate="", serving=False, vault="locked")
    while locked.exists() and not stop.is_set():
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[3])))
