"""Socket buffers that the system caps."""

import socket
import sys

import pytest

from node.quic.udp import options
from node.quic.udp.buffers import Shortfall, shortfalls, shortfalls_here
from tests.support.quic import serving

linux = pytest.mark.skipif(sys.platform != "linux", reason="the names are those of Linux")


@pytest.fixture
def greedy(monkeypatch):
    """No system grants so much."""
    monkeypatch.setattr(options, "BUFFER", 1 << 30)


@linux
def test_a_cap_is_named_with_the_setting_that_lifts_it(greedy):
    receiving, sending = shortfalls_here()
    assert receiving.granted < 1 << 30
    assert "sysctl -w net.core.rmem_max=1073741824" in str(receiving)
    assert "sysctl -w net.core.wmem_max=1073741824" in str(sending)


def test_what_is_granted_is_no_shortfall(monkeypatch):
    monkeypatch.setattr(options, "BUFFER", 16 * 1024)
    with options.new_socket(socket.AF_INET) as sock:
        assert shortfalls(sock) == []


def test_where_the_setting_is_unknown_the_fact_is_told_alone():
    assert str(Shortfall("sending", 2048, 4096, None)) == "the system grants 2 KiB of 4 KiB for sending"


async def test_a_listener_says_so_at_its_start(greedy, caplog):
    caplog.set_level("INFO")
    async with serving():
        pass
    told = [record.what for record in caplog.records if "socket buffer" in record.message]
    assert len(told) == 2
    assert "for receiving" in told[0]
