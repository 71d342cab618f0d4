"""Runs of datagrams in one call, on real sockets and with a kernel that refuses."""

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.quic.udp.segments import MAX_BYTES, MAX_SEGMENTS, can_segment, runs
from node.quic.udp.socket import UdpSocket, resolve

HERE, THERE = ("192.0.2.1", 1), ("192.0.2.2", 2)


@given(st.lists(st.tuples(st.sampled_from([1, 40, 1200, 1452, 16_380, 65_000]), st.sampled_from([HERE, THERE]))))
def test_runs_are_the_same_datagrams_in_the_same_order(shapes):
    datagrams = [(bytes([number % 256]) * size, address) for number, (size, address) in enumerate(shapes)]
    found = list(runs(datagrams))
    assert [(data, address) for run, address in found for data in run] == datagrams
    for run, _ in found:
        assert 1 <= len(run) <= MAX_SEGMENTS
        assert len(run) == 1 or sum(map(len, run)) <= MAX_BYTES
        assert all(len(data) == len(run[0]) for data in run[:-1])
        assert len(run[-1]) <= len(run[0])


def test_what_can_be_one_run_is_one():
    full = [(bytes(1200), HERE)] * 20
    assert [len(run) for run, _ in runs([*full, (bytes(30), HERE)])] == [21]
    assert [len(run) for run, _ in runs([*full, (bytes(30), HERE), *full])] == [21, 20]
    assert [len(run) for run, _ in runs([*full, *[(bytes(1200), THERE)] * 3])] == [20, 3]


@pytest.fixture(params=["127.0.0.1", "::1"])
async def pair(request):
    """A bound sender and a receiver."""
    sender = UdpSocket.bound((await resolve(request.param, 0))[0])
    with socket.socket(sender.family, socket.SOCK_DGRAM) as receiver:
        receiver.bind((request.param, 0))
        receiver.settimeout(60)
        yield sender, receiver
    sender.close()


def datagrams_for(receiver):
    sizes = [1200] * 12 + [700] + [1200, 1452, 1452, 1452, 20, 16_380, 16_380, 16_380, 16_380, 16_380]
    return [(bytes([number]) * size, receiver.getsockname()) for number, size in enumerate(sizes)]


def arrived(receiver, count):
    return [receiver.recv(65_535) for _ in range(count)]


async def test_every_datagram_arrives_as_it_was(pair):
    sender, receiver = pair
    sent = datagrams_for(receiver)
    sender.send_all(sent)
    sender.send(b"one more", receiver.getsockname())
    assert arrived(receiver, len(sent) + 1) == [*(data for data, _ in sent), b"one more"]
    counts = sender.traffic
    assert (counts.datagrams_out, counts.bytes_out) == (len(sent) + 1, sum(len(data) for data, _ in sent) + 8)
    assert counts.unsent_full == counts.unsent_failed == 0


async def test_a_run_is_one_call(pair, monkeypatch):
    sender, receiver = pair
    if not can_segment(sender._socket):
        pytest.skip("the kernel does not cut")
    monkeypatch.setattr(UdpSocket, "_send_one", None)
    sender.send_all([(bytes(1200), receiver.getsockname())] * 10)
    assert arrived(receiver, 10) == [bytes(1200)] * 10


class Refusing:
    """A socket whose kernel refuses to cut."""

    def __init__(self, sock, code):
        self._sock, self._code = sock, code
        self.refused = 0

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def sendmsg(self, *_):
        self.refused += 1
        raise OSError(self._code, "refused")


@pytest.mark.parametrize(("code", "again"), [(errno.EIO, False), (errno.EINVAL, True), (errno.EMSGSIZE, True)])
async def test_what_the_kernel_does_not_cut_is_sent_one_by_one(pair, code, again):
    sender, receiver = pair
    sender._segments = True
    sender._socket = refusing = Refusing(sender._socket, code)
    sent = [(bytes([number]) * 1200, receiver.getsockname()) for number in range(5)]
    for _ in range(2):
        sender.send_all(sent)
        assert arrived(receiver, 5) == [data for data, _ in sent]
    assert refusing.refused == (2 if again else 1)
    assert sender.traffic.datagrams_out == 10
    assert sender.traffic.unsent_failed == 0


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EPERM])
async def test_a_run_that_the_system_has_no_room_for_is_lost_and_nothing_else(pair, code):
    sender, receiver = pair
    sender._segments = True
    kept, sender._socket = sender._socket, Refusing(sender._socket, code)
    sender.send_all([(bytes(1200), receiver.getsockname())] * 5)
    sender._socket = kept
    sender.send_all([(b"next", receiver.getsockname())])
    assert receiver.recv(100) == b"next"
    full = code == errno.EAGAIN
    assert (sender.traffic.unsent_full, sender.traffic.unsent_failed) == ((5, 0) if full else (0, 5))
