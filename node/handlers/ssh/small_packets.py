"""Channels whose client takes only tiny packets are refused.

A client says how many bytes of data one packet may hold (RFC 4254 §5.1), and asyncssh takes any number above zero. Each
packet costs the node the same, so that with a byte in each a page of text would hold up everybody for a second.
"""

from collections.abc import Callable
from typing import Any

import asyncssh
from asyncssh.constants import MSG_CHANNEL_OPEN, MSG_CHANNEL_OPEN_CONFIRMATION, MSG_CHANNEL_OPEN_FAILURE
from asyncssh.packet import PacketDecodeError, SSHPacket, String, UInt32

NEEDS = ("process_packet", "send_channel_open_failure")
"""What is used of asyncssh's connection, by its own names."""
LEAST = 512
"""Bytes of data that a packet has to be able to hold."""


def refuse_small_packets(ssh: Any) -> None:
    """Have a connection of asyncssh refuse the channels that a client opens, or takes, with less."""
    process: Callable[[int, int, SSHPacket], Any] = ssh.process_packet

    def judged(kind: int, number: int, packet: SSHPacket) -> Any:
        channel, size = _channel_and_size(kind, packet)
        if not 0 < size < LEAST:
            return process(kind, number, packet)
        why = f"packets of {size} bytes are too small"
        if kind == MSG_CHANNEL_OPEN:
            ssh.send_channel_open_failure(channel, asyncssh.OPEN_CONNECT_FAILED, why, "")
            return True
        refusal = UInt32(channel) + UInt32(asyncssh.OPEN_CONNECT_FAILED) + String(why) + String("")
        return process(MSG_CHANNEL_OPEN_FAILURE, number, SSHPacket(refusal))

    ssh.process_packet = judged


def _channel_and_size(kind: int, packet: SSHPacket) -> tuple[int, int]:
    """Whoever is told's number for a channel that is opened or taken, and the bytes of one of its packets.

    What is no such message, or is short, has no size: that is asyncssh's to refuse.
    """
    if kind not in (MSG_CHANNEL_OPEN, MSG_CHANNEL_OPEN_CONFIRMATION):
        return 0, 0
    ahead = SSHPacket(packet.get_remaining_payload())
    try:
        if kind == MSG_CHANNEL_OPEN:
            ahead.get_string()
            channel, _, size = ahead.get_uint32(), ahead.get_uint32(), ahead.get_uint32()
        else:
            channel, _, _, size = (ahead.get_uint32() for _ in range(4))
    except PacketDecodeError:
        return 0, 0
    return channel, size
