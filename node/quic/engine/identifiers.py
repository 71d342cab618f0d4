"""Connection ids and the tokens that go with them: how either side is recognised after it has lost its state."""

from aioquic.quic import events
from aioquic.quic.connection import NEW_CONNECTION_ID_FRAME_CAPACITY, QuicConnection, QuicConnectionId
from aioquic.quic.packet import QuicFrameType
from aioquic.quic.packet_builder import QuicPacketBuilder

from node.quic.engine.reset import ResetTokens

_FIRST_TO_KEEP = 1
"""The sequence number of the first connection id that has a token, whoever issued it."""


class Recognisable(QuicConnection):
    """A connection whose ids have the tokens of this node, where it has any, so that they outlive a restart."""

    _reset_tokens: ResetTokens | None = None

    @property
    def peer_reset_token(self) -> bytes:
        """What the peer would end a stateless reset with now; empty before it has said so."""
        return self._peer_cid.stateless_reset_token

    def _name_reset_tokens(self) -> None:
        if self._reset_tokens is not None:
            # A client's first id has no token, and may have none (RFC 9000 §18.2).
            for issued in self._host_cids:
                if issued.stateless_reset_token is not None:
                    issued.stateless_reset_token = self._reset_tokens.token(issued.cid)

    def _replenish_connection_ids(self) -> None:
        super()._replenish_connection_ids()
        self._name_reset_tokens()

    def _write_new_connection_id_frame(self, builder: QuicPacketBuilder, connection_id: QuicConnectionId) -> None:
        """As the engine's own; a client with tokens also has the server leave the one id that has none.

        The server would go on using that id, and so could not tell a reset of ours from noise.
        """
        if not self._is_client or self._reset_tokens is None:
            super()._write_new_connection_id_frame(builder, connection_id)
            return
        frame = builder.start_frame(
            QuicFrameType.NEW_CONNECTION_ID,
            capacity=NEW_CONNECTION_ID_FRAME_CAPACITY,
            handler=self._on_new_connection_id_delivery,
            handler_args=(connection_id,),
        )
        for number in (connection_id.sequence_number, _FIRST_TO_KEEP, len(connection_id.cid)):
            frame.push_uint_var(number)
        frame.push_bytes(connection_id.cid)
        frame.push_bytes(connection_id.stateless_reset_token)
        connection_id.was_sent = True
        self._events.append(events.ConnectionIdIssued(connection_id=connection_id.cid))

    def _probe_preferred_address(self) -> None:
        """Stay where we dialled: a server could have us send to whomever it names (RFC 9000 §21.5.3)."""
        # The engine goes on asking while there is one.
        self._remote_preferred_address = None
