"""Who may do what in the control plane: rights, roles, and the table of both (docs/adr/0044).

Pure: nothing here asks a database. A right is a text of the form `what:verb`, the same in the panel, in REST and in a
token. `X:write` holds `X:read`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """What one may do."""

    PEERS_READ = "peers:read"
    PEERS_WRITE = "peers:write"
    API_KEYS_READ = "api_keys:read"
    API_KEYS_WRITE = "api_keys:write"
    CREDENTIALS_READ = "credentials:read"
    CREDENTIALS_WRITE = "credentials:write"
    LOCKS_READ = "locks:read"
    LOCKS_WRITE = "locks:write"
    INVITES_READ = "invites:read"
    INVITES_WRITE = "invites:write"
    ACCESS_READ = "access:read"
    ACCESS_WRITE = "access:write"
    GRANTS_READ = "grants:read"
    GRANTS_WRITE = "grants:write"
    FORWARDING_READ = "forwarding:read"
    FORWARDING_WRITE = "forwarding:write"
    ACTIVITY_READ = "activity:read"
    CONNECTIONS_CUT = "connections:cut"
    AUDIT_READ = "audit:read"
    AUDIT_SIGN = "audit:sign"
    BACKUPS_READ = "backups:read"
    BACKUPS_WRITE = "backups:write"
    BACKUPS_RESTORE = "backups:restore"
    """To take a backup away, and so to restore it elsewhere: it holds every user's password hash."""
    STATUS_READ = "status:read"
    TOKENS_READ = "tokens:read"
    TOKENS_WRITE = "tokens:write"
    """Of one's own tokens; those of others take `users:write` besides."""
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    SETTINGS_READ = "settings:read"


class Role(StrEnum):
    """What a user of the panel is, the mightiest first."""

    OWNER = "owner"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    VIEWER = "viewer"


_EVERY = frozenset(Right)
_READS = frozenset(right for right in Right if right.endswith(":read"))

RIGHTS_OF: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.OWNER: _EVERY,
        Role.OPERATOR: _EVERY - {Right.USERS_WRITE, Right.BACKUPS_RESTORE},
        Role.AUDITOR: _READS | {Right.AUDIT_SIGN},
        Role.VIEWER: frozenset(
            {
                Right.PEERS_READ,
                Right.LOCKS_READ,
                Right.ACTIVITY_READ,
                Right.STATUS_READ,
                Right.ACCESS_READ,
                Right.GRANTS_READ,
            }
        ),
    }
)


def granted(names: Iterable[str]) -> frozenset[Right]:
    """The rights of these names, with what they hold besides. A name that is none gives nothing."""
    named = {Right(name) for name in names if name in _EVERY}
    return frozenset(named | {_twin(right) for right in named})


def _twin(right: Right) -> Right:
    """The right to read what the right is about, where it is one to write; else itself."""
    what, _, verb = right.partition(":")
    return Right(f"{what}:read") if verb == "write" else right
