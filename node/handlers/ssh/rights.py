"""What a session may do: scopes that are asked for when something begins, and again when rights have changed."""

from node.core.access import Decision
from node.core.identity import Identity
from node.core.scopes import allowed_by_scope
from node.handlers.ssh.holder import Holder

BY_SETTINGS = "not allowed by the settings"
"""What the journal calls a denial for which no scope would do."""


class Rights:
    """Of one session."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._used: set[str] = set()
        """The scopes that what runs has been allowed by."""

    def has(self, scope: str, shown: str) -> bool:
        """Whether the peer has the scope at this moment; one that has not is told to the journal."""
        identity = self._holder.current()
        if identity is None:
            return False
        decision = allowed_by_scope(identity, scope)
        if decision.allowed:
            self._used.add(scope)
        else:
            self._holder.denied(shown, decision)
        return decision.allowed

    def has_shell(self, shown: str) -> bool:
        """Whether there is a shell for it. A terminal takes the same, also for a command."""
        if not self._holder.settings.shell:
            self.refuse(shown, "ssh.shell names no shell")
            return False
        return self.has("ssh:shell", shown)

    def refuse(self, shown: str, why: str) -> None:
        """Tell the journal of what the settings refuse, and not for want of a scope."""
        decision = Decision(allowed=False, message=BY_SETTINGS, explanation=why)
        self._holder.denied(shown, decision)

    def lost(self, identity: Identity) -> bool:
        """Whether the peer, being this now, may no longer do what it does."""
        return not all(allowed_by_scope(identity, scope).allowed for scope in self._used)
