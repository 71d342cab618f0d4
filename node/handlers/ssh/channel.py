"""One session's channel: asyncssh's, narrowed."""

import asyncio
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.packet import SSHPacket

from node.handlers.ssh.environment import MAX_VARIABLES, admitted

if TYPE_CHECKING:
    _Channel = asyncssh.SSHServerChannel[bytes]
else:
    _Channel = asyncssh.SSHServerChannel

PACKET = 32 * 1024
"""Bytes of one packet of data, at most."""
WINDOW = 2 * 1024 * 1024
"""Bytes that a client may send ahead on one channel, where there is room."""
LEAST_WINDOW = 64 * 1024


def window_of(free: int, others: int) -> int:
    """The window of one more channel, of the bytes that a connection may still hold; 0 where that is too little.

    The least one is set aside for each of the `others` that may still come; of the rest the first few channels get
    whole windows, and later ones smaller and smaller ones.
    """
    spare = free - (others + 1) * LEAST_WINDOW
    return 0 if free < LEAST_WINDOW else LEAST_WINDOW + max(0, min(WINDOW - LEAST_WINDOW, spare // 4))


class SessionChannel(_Channel):
    """A channel that takes the few variables that are admitted, and tells of each whether it was."""

    def __init__(self, conn: asyncssh.SSHServerConnection, window: int) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            conn,
            loop,
            allow_pty=True,  # the session is asked about each
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=1024,
            encoding=None,
            errors="strict",
            window=window,
            max_pktsize=PACKET,
        )
        self.variables: dict[str, str] = {}

    def _process_env_request(self, packet: SSHPacket) -> bool:
        name, value = packet.get_string(), packet.get_string()
        packet.check_end()
        found = admitted(name, value)
        if found is None or len(self.variables) >= MAX_VARIABLES:
            return False
        self.variables[found[0]] = found[1]
        return True
