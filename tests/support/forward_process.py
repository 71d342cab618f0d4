"""A node that forwards for one peer to the loopback, as a process of its own that may be killed and come back.

    python -m tests.support.forward_process DIRECTORY PORT FINGERPRINT

Its keys are kept in DIRECTORY; FINGERPRINT is the peer's. It prints its port once it serves.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from node.core.live import Live
from node.core.peers import PeerEntry
from node.endpoint.endpoint import Endpoint
from node.endpoint.limits import EndpointLimits
from node.endpoint.registry import HandlerRegistry
from node.handlers.ssh.forwarding.limits import ForwardingSettings
from node.handlers.ssh.forwarding.shared import Forwarding
from node.handlers.ssh.handler import ALPN, SshHandler
from node.handlers.ssh.limits import SshSettings
from node.quic.server.listener import QuicListener
from node.quic.tls.keys import load_or_create_node_key
from node.store.memory import MemoryIdentityStore
from tests.support.forwards import rules
from tests.support.journals import ListJournal
from tests.support.warm_python import KILL

ROOT = Path(__file__).parents[2]
SCOPES = ("ssh:forward:*:*", "ssh:listen:*:*")


async def _serve(place: Path, port: int, peer: str) -> None:
    key, host_key = (load_or_create_node_key(place / name) for name in ("node", "host"))
    store, journal = MemoryIdentityStore(), ListJournal()
    await store.put_peer(PeerEntry("ann", (peer,), scopes=SCOPES))
    forwarding = Forwarding(Live(rules("127.0.0.0/8")), ForwardingSettings())
    handler = SshHandler(store, SshSettings(), lambda: host_key.private, {}, journal, forwarding)
    listener = await QuicListener.bind("127.0.0.1", port, key=key, alpns=[ALPN])
    endpoint = Endpoint(HandlerRegistry([handler]), store, EndpointLimits(), [listener], journal)
    print(listener.address[1], flush=True)
    await endpoint.run()


@contextlib.asynccontextmanager
async def forwarding_process(
    place: Path, peer: str, port: int = 0
) -> AsyncIterator[tuple[int, "asyncio.subprocess.Process"]]:
    """Its port, once it serves, and the process, which is killed at the end."""
    words = (sys.executable, "-m", "tests.support.forward_process", str(place), str(port), peer)
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout
        yield int(await asyncio.wait_for(process.stdout.readline(), 60))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(KILL)
        await process.wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
