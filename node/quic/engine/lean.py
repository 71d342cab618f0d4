"""aioquic's connection, without what it keeps for nothing while it is idle: thousands of them are to be cheap."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from aioquic._buffer import Buffer
from aioquic.quic import connection
from aioquic.quic.connection import QuicReceiveContext
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.tls import Epoch

from node.quic.engine.guard import GuardedConnection

CONNECTION_IDS = 4
"""Connection ids that either side has of the other at once: one in use, three for moves to other addresses."""

_NOTHING = Buffer(capacity=0)
_NO_BUFFERS = {Epoch.ONE_RTT: _NOTHING}

_DEAD_KEYS = CryptoPair()
"""Opens no packet, as the keys of a level that was discarded."""

_DEAD_SPACE = QuicPacketSpace()
_DEAD_SPACE.discarded = True

_OVER = (Epoch.INITIAL, Epoch.ZERO_RTT, Epoch.HANDSHAKE)

# In which epochs a type of frame may come is asked 33 times for each connection, and answered with a new set each time.
vars(connection)["EPOCHS"] = cache(connection.EPOCHS)

# Seven tables by epoch are looked into for each packet. An Enum computes its hash in Python; its members are single
# objects, so their identity does. No table of the library's is older than this.
type.__setattr__(Epoch, "__hash__", object.__hash__)


class InitialKeys(dict[int, CryptoPair]):
    """The keys of Initial packets by version, made when a version is met: few connections meet two."""

    def __init__(self, made: dict[int, CryptoPair], connection_id: bytes, *, is_client: bool) -> None:
        super().__init__(made)
        self._connection_id = connection_id
        self._is_client = is_client

    def __missing__(self, version: int) -> CryptoPair:
        pair = self[version] = CryptoPair()
        pair.setup_initial(cid=self._connection_id, is_client=self._is_client, version=version)
        return pair


class LeanConnection(GuardedConnection):
    """Half the memory of the engine's own connection once the handshake is over."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._versions = self._configuration.supported_versions
        self._local_active_connection_id_limit = CONNECTION_IDS
        self._is_lean = False

    def _initialize(self, peer_cid: bytes) -> None:
        # The engine makes keys for every version that is configured.
        with self._configured([self._version]):
            super()._initialize(peer_cid)
        self._cryptos_initial = InitialKeys(self._cryptos_initial, peer_cid, is_client=self._is_client)

    def _discard_epoch(self, epoch: Epoch) -> None:
        super()._discard_epoch(epoch)
        if epoch is Epoch.INITIAL:
            # No version's keys are made any more: anybody can seal an Initial who has seen the first datagram.
            self._cryptos_initial = dict.fromkeys(self._versions, _DEAD_KEYS)

    def _serialize_transport_parameters(self) -> bytes:
        with self._configured(self._versions):
            return super()._serialize_transport_parameters()

    @contextmanager
    def _configured(self, versions: list[Any]) -> Iterator[None]:
        """Within, these are the versions of the configuration, which other connections share."""
        before = self._configuration.supported_versions
        self._configuration.supported_versions = versions
        try:
            yield
        finally:
            self._configuration.supported_versions = before

    def _replenish_connection_ids(self) -> None:
        self._remote_active_connection_id_limit = min(self._remote_active_connection_id_limit, CONNECTION_IDS)
        super()._replenish_connection_ids()

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        super()._handle_crypto_frame(context, frame_type, buf)
        if self._handshake_complete:
            # 48 KiB to write handshake messages in. Neither side has more to say: tickets are off (decision 10).
            self._crypto_buffers = _NO_BUFFERS

    def _shed_handshake(self) -> None:
        """Let go of the earlier levels (RFC 9001 §4.9), which would else be looked at for every timer.

        To be called before something is sent, once the handshake is confirmed. Harmless when repeated.
        """
        if self._is_lean:
            return
        self._is_lean = True
        application = self._spaces[Epoch.ONE_RTT]
        self._spaces = dict.fromkeys(self._spaces, _DEAD_SPACE) | {Epoch.ONE_RTT: application}
        self._loss.spaces = [application]
        self._cryptos.update(dict.fromkeys(_OVER, _DEAD_KEYS))
        self._crypto_streams = {Epoch.ONE_RTT: self._crypto_streams[Epoch.ONE_RTT]}
