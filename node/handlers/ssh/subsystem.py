"""What serves a session in place of a program: the contract of a subsystem."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from node.core.identity import Identity
from node.handlers.ssh.stream import ChannelStream


@dataclass(frozen=True, slots=True)
class SubsystemSession:
    """What a subsystem gets: the peer, a way to ask who it is at this moment, and the client's bytes both ways.

    `current` gives None once the peer has lost its right to the connection. The stream is ended by the session.
    """

    identity: Identity
    current: Callable[[], Identity | None]
    stream: ChannelStream


class Subsystem(Protocol):
    """Serves one session to its end and gives its exit status. It is cancelled when the session has to end."""

    def __call__(self, session: SubsystemSession) -> Awaitable[int]: ...
