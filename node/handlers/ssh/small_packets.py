"""Channels whose client takes only tiny packets are refused.

A client says how many bytes of data one packet may hold (RFC 4254 §5.1), and asyncssh takes any number above zero. Each
packet costs the node the same, so that with a byte in each a page of text would hold up everybody for a second.
"""

from collections.abc import Callable
from typing import Any

import asyncssh
from asyncssh.constants import MSG_CHANNEL_OPEN
from asyncssh.packet import SSHPacket

NEEDS = ("process_packet", "send_channel_open_failure")
"""What is used of asyncssh's connection, by its own names."""
LEAST = 512
"""Bytes of data that a packet has to be able to hold."""


def refuse_small_packets(ssh: Any) -> None:
    """Have a connection of asyncssh refuse the channels that a client opens with less."""
    process: Callable[[int, int, SSHPacket], Any] = ssh.process_packet

    def judged(kind: int, number: int, packet: SSHPacket) -> Any:
        if kind == MSG_CHANNEL_OPEN:
            channel, size = _asked(packet)
            if 0 < size < LEAST:
                why = f"packets of {size} bytes are too small"
                ssh.send_channel_open_failure(channel, asyncssh.OPEN_CONNECT_FAILED, why, "")
                return True
        return process(kind, number, packet)

    ssh.process_packet = judged


def _asked(packet: SSHPacket) -> tuple[int, int]:
    """The client's number for the channel, and the bytes of one packet. What is short is asyncssh's to refuse."""
    ahead = SSHPacket(packet.get_remaining_payload())
    try:
        ahead.get_string()
        channel, _, size = ahead.get_uint32(), ahead.get_uint32(), ahead.get_uint32()
    except asyncssh.packet.PacketDecodeError:
        return 0, 0
    return channel, size
