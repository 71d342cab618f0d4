"""What the requests of a node have in common: its peers, the layers above its own operations, the composed calls."""

import logging
from collections.abc import Callable

from node.core.live import Live
from node.handlers.call.call_tree import ComposedTasks
from node.handlers.call.composition import root_call
from node.handlers.call.env import Layer, LayeredEnvironment
from node.handlers.call.errors import internal
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationContext
from node.handlers.call.peers import Overlay, PeerMap

Sessions = Callable[[OperationContext], Layer | None]
"""The operations that the session of a request adds, for its handler to compose; None where it adds none."""

logger = logging.getLogger(__name__)


class Roots:
    """Gives each request from the wire its environment and its place as the root of a tree of calls."""

    def __init__(
        self, limits: CallLimits | Live[CallLimits], peers: PeerMap | None = None, sessions: Sessions | None = None
    ) -> None:
        self._peers = PeerMap() if peers is None else peers
        self._sessions = sessions
        self.composed = ComposedTasks(limits)

    def plant(self, context: OperationContext, base: Layer, imported: Overlay | None) -> None:
        """Make `context` one that composes, out of `base` and everything above it. Raises CallError INTERNAL.

        The peer is the one of the connection: a token changes who asks, and not who is on the other side.
        """
        peer = context.connection.identity
        env = LayeredEnvironment(base, self._peers.snapshot(), peer.id if peer else None, imported)
        root_call(self.composed, env, context)
        if self._sessions is not None:
            env.session = _layer_of(self._sessions, context)


def _layer_of(sessions: Sessions, context: OperationContext) -> Layer | None:
    try:
        return sessions(context)
    except Exception as error:
        logger.error("the layer of a session failed", exc_info=error)
        raise internal("internal error") from error
