"""A client process that stays connected: one JSON line for who it is, one for how the connection ended.

Run as `python -m tests.support.live_client ADDRESS PIN IDENTITY_FILE`.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from node.client.call import CallClient
from node.quic.tls.keys import load_or_create_node_key


async def main(address: str, pin: str, identity: str) -> None:
    key = load_or_create_node_key(Path(identity))
    async with CallClient.connect(address, key=key, pin=pin) as client:
        print(json.dumps(await client.call("node/whoami")), flush=True)
        end = await client.connection.wait_closed()
        print(json.dumps({"code": end.code, "reason": end.reason, "at": time.time()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
