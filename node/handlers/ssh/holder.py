"""What the parts of a connection of SSH know of it: whose it is, and what that may at this moment."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from node.core.access import Decision
from node.core.identity import Identity
from node.handlers.ssh.limits import SshSettings
from node.handlers.ssh.subsystem import Subsystem

if TYPE_CHECKING:
    from node.handlers.ssh.session import Session


class Holder(Protocol):
    """The connection, to all that it carries. Its client has signed in."""

    identity: Identity
    takes: asyncio.Event
    """Set while the connection takes more to send."""

    @property
    def settings(self) -> SshSettings:
        """Those in force."""
        ...

    @property
    def where(self) -> str:
        """The client's address, for the log."""
        ...

    def current(self) -> Identity | None:
        """Who the peer is at this moment."""
        ...

    def denied(self, asked: str, decision: Decision) -> None:
        """Have the journal told."""
        ...


class SessionHolder(Holder, Protocol):
    """The connection, to one of its sessions."""

    subsystems: Mapping[str, Subsystem]

    def spawn(self, session: "Session") -> "asyncio.Task[None]":
        """Run the session."""
        ...

    def over(self, session: "Session") -> None:
        """The session has no channel any more."""
        ...
