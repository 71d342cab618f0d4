"""A client process that stays connected: one JSON line for who it is, one for how the connection ended.

Run as `python -m tests.support.live_client ADDRESS PIN IDENTITY_FILE`. SIGTERM closes the connection.
"""

import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path

from node.client.call import CallClient
from node.quic.tls.keys import load_or_create_node_key


async def main(address: str, pin: str, identity: str) -> None:
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    key = load_or_create_node_key(Path(identity))
    async with CallClient.connect(address, key=key, pin=pin) as client:
        print(json.dumps(await client.call("node/whoami")), flush=True)
        end = await client.connection.wait_closed()
        print(json.dumps({"code": end.code, "reason": end.reason, "at": time.time()}), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(main(*sys.argv[1:]))
