"""Who calls over the control socket: this machine's administrator, and nobody else."""

from node.core.access import AccessControl
from node.core.identity import AuthContext, Identity

ADMINISTER = "control:administer"
"""See and end connections, and learn what the node does."""
SEAL = "control:seal"
"""Have secrets sealed. Nothing opens them here."""

SIGN = "control:sign"
"""Have the head of the audit log signed."""

MAY_ADMINISTER = AccessControl(required_scopes=(ADMINISTER,))
MAY_SEAL = AccessControl(required_scopes=(SEAL,))
MAY_SIGN = AccessControl(required_scopes=(SIGN,))


def administrator(uid: int) -> AuthContext:
    """The context of a caller whom the kernel has named. No ALPN was negotiated, and no key was shown."""
    return AuthContext(Identity(f"local:{uid}", (ADMINISTER, SEAL, SIGN)), b"")


def as_connected(auth: AuthContext, _: str | None) -> Identity | None:
    """Who makes a request: whoever connected. Tokens mean nothing here."""
    return auth.identity
