"""Handshake messages: how long they may be, and the encryption level at which each must come (RFC 9001 §4.1.3)."""

from typing import Any

from aioquic import tls
from aioquic._buffer import Buffer

MAX_CLIENT_MESSAGE = 16 * 1024
"""Longest handshake message taken from a client, in bytes: far above any hello, and any certificate without a chain."""
MAX_SERVER_MESSAGE = 64 * 1024
"""Longest handshake message taken from a server, whose certificate may bring a chain."""

_INITIAL, _HANDSHAKE, _LATER = tls.Epoch.INITIAL, tls.Epoch.HANDSHAKE, tls.Epoch.ONE_RTT
_LEVELS = {
    tls.State.CLIENT_EXPECT_SERVER_HELLO: _INITIAL,
    tls.State.CLIENT_EXPECT_ENCRYPTED_EXTENSIONS: _HANDSHAKE,
    tls.State.CLIENT_EXPECT_CERTIFICATE_REQUEST_OR_CERTIFICATE: _HANDSHAKE,
    tls.State.CLIENT_EXPECT_CERTIFICATE: _HANDSHAKE,
    tls.State.CLIENT_EXPECT_CERTIFICATE_VERIFY: _HANDSHAKE,
    tls.State.CLIENT_EXPECT_FINISHED: _HANDSHAKE,
    tls.State.CLIENT_POST_HANDSHAKE: _LATER,
    tls.State.SERVER_EXPECT_CLIENT_HELLO: _INITIAL,
    tls.State.SERVER_EXPECT_CERTIFICATE: _HANDSHAKE,
    tls.State.SERVER_EXPECT_CERTIFICATE_VERIFY: _HANDSHAKE,
    tls.State.SERVER_EXPECT_FINISHED: _HANDSHAKE,
    tls.State.SERVER_POST_HANDSHAKE: _LATER,
}
"""The encryption level at which the next message must come (RFC 9001 §4.1.3)."""


class LevelledTls(tls.Context):
    """The engine's own, which looks neither at the level of what it is given nor, before 16 MiB, at the length.

    `level` is where the data of the next `handle_message` came from; `longest` is the longest message that is taken.
    """

    longest = MAX_SERVER_MESSAGE

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.level = self._buffer_level = tls.Epoch.INITIAL

    def handle_message(self, input_data: bytes, output_buf: dict[tls.Epoch, Buffer]) -> None:
        """Take in what arrived at `level`."""
        if self._receive_buffer and self.level is not self._buffer_level:
            raise tls.AlertUnexpectedMessage("a message continued at another encryption level")
        self._buffer_level = self.level
        super().handle_message(input_data, output_buf)
        if len(self._receive_buffer) >= 4 and int.from_bytes(self._receive_buffer[1:4], "big") > self.longest:
            raise tls.AlertDecodeError("handshake message too long")

    def _handle_reassembled_message(
        self, message_type: int, input_buf: Buffer, output_buf: dict[tls.Epoch, Buffer]
    ) -> None:
        if self.level is not _LEVELS[self.state]:
            raise tls.AlertUnexpectedMessage("a message at the wrong encryption level")
        if input_buf.capacity - 4 > self.longest:
            raise tls.AlertDecodeError("handshake message too long")
        super()._handle_reassembled_message(message_type, input_buf, output_buf)
