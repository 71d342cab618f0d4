"""Both ends of a connection where this process is; prints the size that each direction's sender has found.

Run as `python -m tests.support.narrow HOST` in a network of the caller's making.
"""

import asyncio
import sys

from tests.support.quic import engine_of, read_all, serving

SIZE = 600_000


async def send(sender, receiver):
    async def write():
        stream = await sender.open_bi()
        await stream.write(bytes(SIZE))
        stream.finish()

    async def read():
        return await read_all(await receiver.accept_bi())

    _, received = await asyncio.gather(write(), read())
    assert len(received) == SIZE


async def main(host):
    async with asyncio.timeout(60), serving(host) as server:
        client, accepted = await server.pair()
        await send(client, accepted)
        await send(accepted, client)
        for end in (client, accepted):
            print(engine_of(end).datagram_size, engine_of(end)._loss._cc.ssthresh)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
