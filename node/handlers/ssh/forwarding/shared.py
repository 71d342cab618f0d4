"""What all connections of a node share: the rules, the settings, places, lookups, and what is counted."""

from pathlib import Path

from node.core.capabilities import NO_CAPABILITIES, Capabilities, SecretWiped
from node.core.forwarding.policy import ForwardingPolicy
from node.core.live import Live, live
from node.core.metrics import counters, gauges
from node.handlers.ssh.forwarding.left import Left
from node.handlers.ssh.forwarding.limits import ForwardingSettings
from node.handlers.ssh.forwarding.places import Places
from node.handlers.ssh.forwarding.resolve import Resolver

MEANINGS = {
    **gauges(channels="Forwarded connections.", listeners="Ports and sockets that peers listen on."),
    **counters(
        opened="Connections that were forwarded, either way.",
        denied="Requests to connect or to listen that the scopes or the rules refused.",
        failed="Connections that were allowed and could not be made, or that the client did not take.",
        full="Requests and connections for which there was no place left.",
        idle="Forwarded connections that were ended since nothing went through them.",
        revoked="Forwarded connections and listeners that a change of rights or rules has ended.",
    ),
}


class Forwarding:
    """Of one node. Whoever changes the rules calls `enforce_policy` of the handler that has this."""

    def __init__(
        self,
        policy: ForwardingPolicy | Live[ForwardingPolicy],
        settings: ForwardingSettings | Live[ForwardingSettings] | None = None,
        private: Path | None = None,
        capabilities: Live[Capabilities] | None = None,
        notes: Path | None = None,
    ) -> None:
        """No Unix socket within `private` is ever forwarded. Of `capabilities` comes a proxy's login.

        In `notes` is kept which sockets were made, for the start after a kill.
        """
        self.policy = live(policy)
        self._settings = live(settings or ForwardingSettings())
        self.private = None if private is None else private.resolve()
        self.places = Places(self._settings)
        self.resolver = Resolver()
        self.left = Left(notes)
        self._capabilities = capabilities or Live(NO_CAPABILITIES)
        self.opened = self.denied = self.failed = self.full = self.idle = self.revoked = 0

    @property
    def settings(self) -> ForwardingSettings:
        """Those in force."""
        return self._settings.value

    @property
    def login(self) -> str | None:
        """Of the proxy, "" where it takes none; None where it takes one and that is not open to the node."""
        name = self.settings.proxy_login
        secret = self._capabilities.value.get(name) if name else None
        try:
            return ("" if not name else None) if secret is None else secret.expose_secret()
        except SecretWiped:
            return None

    def snapshot(self) -> dict[str, int]:
        used = {name: self.places.counts[name] for name in ("channels", "listeners")}
        names = ("opened", "denied", "failed", "full", "idle", "revoked")
        return used | {name: getattr(self, name) for name in names}
