"""The permissions that Django's admin asks for, each by the right that gives it. What is not listed nobody has."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from apps.accounts.rights import Right

_LOOK = ("view",)
_EDIT = ("add", "change", "delete")


def _model(app: str, model: str, read: Right, write: Right | None = None) -> dict[str, Right]:
    """The four permissions that Django has of each model; without `write`, only that to look."""
    names = {f"{app}.{verb}_{model}": read for verb in _LOOK}
    return names if write is None else names | {f"{app}.{verb}_{model}": write for verb in _EDIT}


DJANGO_PERMISSIONS: Mapping[str, Right] = MappingProxyType(
    {
        **_model("peers", "peer", Right.PEERS_READ, Right.PEERS_WRITE),
        **_model("peers", "apikey", Right.API_KEYS_READ, Right.API_KEYS_WRITE),
        **_model("credentials", "credential", Right.CREDENTIALS_READ, Right.CREDENTIALS_WRITE),
        **_model("locks", "lock", Right.LOCKS_READ, Right.LOCKS_WRITE),
        **_model("access", "assertion", Right.ACCESS_READ, Right.ACCESS_WRITE),
        **_model("access", "grant", Right.GRANTS_READ, Right.GRANTS_WRITE),
        **_model("forwarding", "rule", Right.FORWARDING_READ, Right.FORWARDING_WRITE),
        **_model("enrolment", "invite", Right.INVITES_READ, Right.INVITES_WRITE),
        **_model("enrolment", "claim", Right.INVITES_READ, Right.INVITES_WRITE),
        **_model("enrolment", "stranger", Right.INVITES_READ, Right.INVITES_WRITE),
        **_model("activity", "event", Right.ACTIVITY_READ),
        **_model("activity", "connection", Right.ACTIVITY_READ),
        "activity.delete_connection": Right.CONNECTIONS_CUT,
        **_model("audit", "auditentry", Right.AUDIT_READ),
        "audit.add_checkpoint": Right.AUDIT_SIGN,
        **_model("backups", "backup", Right.BACKUPS_READ),
        "backups.make_backup": Right.BACKUPS_WRITE,
        "backups.download_backup": Right.BACKUPS_RESTORE,
        **_model("tokens", "apitoken", Right.TOKENS_READ, Right.TOKENS_WRITE),
        # Filters of lists that one keeps for oneself; keeping one for everybody takes a right of the list besides.
        **_model("panel", "savedfilter", Right.PEERS_READ, Right.PEERS_READ),
        **_model("auth", "user", Right.USERS_READ, Right.USERS_WRITE),
    }
)


def permissions_of(rights: Iterable[Right]) -> frozenset[str]:
    """Every permission that these rights give."""
    held = frozenset(rights)
    return frozenset(name for name, right in DJANGO_PERMISSIONS.items() if right in held)
