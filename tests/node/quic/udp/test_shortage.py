"""A system that is short of something: no descriptors, no buffers, no memory."""

import asyncio
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from node.quic.client.dial import dial_quic
from node.quic.udp.socket import PAUSE
from tests.support.quic import ALPN, LONG, serving, settled, soon

ROOT = Path(__file__).parents[4]


class Faulty:
    """A socket whose calls fail for a while."""

    def __init__(self, real, number):
        self._real = real
        self._number = number
        self.failures = 0
        self.ill = True

    def __getattr__(self, name):
        return getattr(self._real, name)

    def _fail(self):
        self.failures += 1
        raise OSError(self._number, "out of it")

    def recvfrom(self, size):
        return self._fail() if self.ill else self._real.recvfrom(size)

    def recvmsg(self, *sizes):
        return self._fail() if self.ill else self._real.recvmsg(*sizes)

    def recvfrom_into(self, *arguments):
        return self._fail() if self.ill else self._real.recvfrom_into(*arguments)

    def recvmsg_into(self, *arguments):
        return self._fail() if self.ill else self._real.recvmsg_into(*arguments)


class Mute(Faulty):
    """One that cannot send."""

    def recvfrom(self, size):
        return self._real.recvfrom(size)

    def sendto(self, *arguments):
        return self._fail() if self.ill else self._real.sendto(*arguments)

    def sendmsg(self, *arguments):
        return self._fail() if self.ill else self._real.sendmsg(*arguments)


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM])
async def test_a_socket_that_cannot_be_read_is_left_alone_for_a_moment_and_read_then(number):
    async with serving() as server:
        udp = server.listener._udp
        faulty = udp._socket = Faulty(udp._socket, number)
        dialling = asyncio.create_task(server.dial())
        await settled(lambda: faulty.failures)
        before = faulty.failures
        await asyncio.sleep(4 * PAUSE)
        assert faulty.failures - before <= 4
        faulty.ill = False
        await soon(dialling)


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM, errno.EPERM])
async def test_what_cannot_be_sent_counts_as_lost_and_is_sent_again(number):
    async with serving() as server:
        udp = server.listener._udp
        mute = udp._socket = Mute(udp._socket, number)
        dialling = asyncio.create_task(server.dial())
        await settled(lambda: mute.failures)
        mute.ill = False
        client = await soon(dialling)
        accepted = (await server.accepted()).connection
        stream = await client.open_bi()
        await stream.write(b"all the same")
        assert await soon((await soon(accepted.accept_bi())).read()) == b"all the same"
        assert server.listener.snapshot()["unsent_failed"] == mute.failures


async def test_a_socket_that_is_closed_in_the_pause_stays_closed():
    async with serving() as server:
        udp = server.listener._udp
        faulty = udp._socket = Faulty(udp._socket, errno.ENOBUFS)
        dialling = asyncio.create_task(server.dial())
        await settled(lambda: faulty.failures)
        await server.listener.close()
        await asyncio.sleep(2 * PAUSE)
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)


CHILD = """
import asyncio, os, resource, sys
from node.core.errors import DialError
from node.quic.client.dial import dial_quic
from node.quic.tls.keys import NodeKey
from node.quic.server.listener import QuicListener

async def main():
    key = NodeKey.generate()
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[b"alknet/test"])
    listener.start(lambda *args, **kwargs: None)
    held = []
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    while True:
        try:
            held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            break
    try:
        await dial_quic("127.0.0.1", 9, alpn=b"alknet/test", key=None, pin=None, timeout=5)
    except DialError as error:
        print(listener.address[1], key.fingerprint, error, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await listener.close()

asyncio.run(main())
"""


async def test_without_a_descriptor_left_clients_are_served_and_a_dial_fails_as_a_dial():
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        line = await asyncio.wait_for(asyncio.to_thread(child.stdout.readline), LONG)
        port, pin, reason = line.split(maxsplit=2)
        assert "Too many open files" in reason
        for _ in range(3):
            client = await dial_quic("127.0.0.1", int(port), alpn=ALPN, key=None, pin=pin, timeout=LONG)
            client.close()
        child.stdin.close()
        assert await asyncio.to_thread(child.wait, LONG) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
