"""What the accepted connections of a listener share."""

from collections.abc import Sequence

from aioquic import tls
from aioquic.quic.configuration import QuicConfiguration

from node.core.live import Live
from node.quic.engine.budget import Budget
from node.quic.engine.engine import Engine, configuration
from node.quic.engine.reset import ResetTokens
from node.quic.limits import QuicLimits
from node.quic.server.gate import Entry
from node.quic.tls.credentials import ServerCredentials
from node.quic.tls.handshake import ServerTls
from node.quic.tls.keys import NodeKey
from node.quic.tls.selfmade import self_made


class ServerSettings:
    """Makes the engine of each accepted connection, under the limits that are in force then."""

    def __init__(
        self,
        key: NodeKey,
        alpns: Sequence[bytes],
        limits: Live[QuicLimits],
        credentials: ServerCredentials | None = None,
    ) -> None:
        self.credentials = credentials or self_made(key)
        self.limits = limits
        self.budget = Budget(limits)
        self._alpns = [alpn.decode("ascii") for alpn in alpns]
        self._made_for = limits.value
        self._engine = self._configuration(limits.value)

    def make_engine(self, entry: Entry, reset_tokens: ResetTokens | None = None) -> Engine:
        """The engine of a connection, which keeps these limits to its end."""
        limits = self.limits.value
        if limits is not self._made_for:
            self._made_for, self._engine = limits, self._configuration(limits)
        return Engine(
            self._engine,
            limits,
            self._make_handshake,
            entry.original_destination,
            entry.retry_source,
            reset_tokens,
            self.budget.part(),
        )

    def _make_handshake(self, given: tls.Context) -> ServerTls:
        return ServerTls(given, self.credentials)

    def _configuration(self, limits: QuicLimits) -> QuicConfiguration:
        made = configuration(limits, self._alpns, is_client=False)
        # The engine insists on a credential before it has read a hello; each handshake chooses its own.
        made.certificate, made.private_key = self.credentials.choices[0].leaf, self.credentials.choices[0].private
        return made
