"""aioquic's connection, without what it keeps for nothing while it is idle: thousands of them are to be cheap."""

from typing import Any

from aioquic._buffer import Buffer
from aioquic.quic.connection import QuicReceiveContext
from aioquic.tls import Epoch

from node.quic.guard import GuardedConnection

CONNECTION_IDS = 4
"""Connection ids that either side has of the other at once: one in use, three for moves to other addresses."""

_NOTHING = Buffer(capacity=0)
_NO_BUFFERS = {Epoch.INITIAL: _NOTHING, Epoch.HANDSHAKE: _NOTHING, Epoch.ONE_RTT: _NOTHING}

_HANDLERS = "_QuicConnection__frame_handlers"
_EPOCHS: dict[int, Any] = {}
"""In which epochs each type of frame may come: the same for all connections. The engine makes 33 sets for each."""


class LeanConnection(GuardedConnection):
    """Half the memory of the engine's own connection once the handshake is over."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._local_active_connection_id_limit = CONNECTION_IDS
        handlers = getattr(self, _HANDLERS)
        for frame_type, (handle, epochs) in handlers.items():
            handlers[frame_type] = (handle, _EPOCHS.setdefault(frame_type, epochs))

    def _replenish_connection_ids(self) -> None:
        self._remote_active_connection_id_limit = min(self._remote_active_connection_id_limit, CONNECTION_IDS)
        super()._replenish_connection_ids()

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        super()._handle_crypto_frame(context, frame_type, buf)
        if self._handshake_complete:
            # 48 KiB to write handshake messages in. Neither side has more to say: tickets are off (decision 10).
            self._crypto_buffers = _NO_BUFFERS
