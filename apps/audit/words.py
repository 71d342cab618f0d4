"""How a row of the audit log reads: who did what, and by which way."""

from apps.audit.actors import ActorKind

_ACTIONS = {
    "setup.administrator_made": "made the administrator",
    "peer.expiry_set": "set the expiry of the peer",
    "peer.key_expiry_set": "set the expiry of a key of the peer",
    "peer.key_rotated": "rotated a key of the peer",
    "peer.noted": "noted about the peer",
    "peer.token_issued": "issued a token to the peer",
    "peer.token_cleared": "cleared the token of the peer",
    "user.signed_in": "signed in as",
    "user.signed_out": "signed out as",
    "user.locked_out": "locked out, after too many failures, the user",
    "user.sessions_ended": "ended sessions of the user",
    "user.second_factor_added": "added a second factor of the user",
    "user.second_factor_removed": "removed a second factor of the user",
    "user.second_factor_renamed": "renamed a second factor of the user",
    "user.second_factors_reset": "reset the second factors of the user",
    "user.recovery_codes_made": "made recovery codes of the user",
    "user.identity_added": "added an identity of the user",
    "user.identity_removed": "removed an identity of the user",
    "connection.cut": "cut the connection",
    "grant.given": "granted",
    "grant.revoked": "revoked the grant",
    "grant.followed": "moved the grant with its peer",
    "grant.removed": "removed, with its peer, the grant",
    "grant.cleared": "removed, long after its end, the grant",
    "forwarding_rule.followed": "renamed, with its peer, a name in the forwarding rule",
    "forwarding_rule.forgot": "removed, with its peer, a name from the forwarding rule",
    "lock.placed": "locked",
    "lock.lifted": "unlocked",
    "lock.removed": "removed the ended lock of",
    "lock.followed": "moved the lock with its peer",
}
_OBJECTS = {
    "peer": "peer",
    "api_key": "API key",
    "credential": "credential",
    "user": "user",
    "group": "group",
    "backup": "backup",
    "token": "API token",
    "invite": "invitation",
    "claim": "claim",
    "stranger": "unknown key",
    "assertion": "assertion",
    "forwarding_rule": "forwarding rule",
    "saved_filter": "saved filter",
}
_WAYS: dict[str, str] = {
    ActorKind.USER: "panel",
    ActorKind.TOKEN: "API",
    ActorKind.CLI: "shell",
    ActorKind.NODE: "node",
    ActorKind.SYSTEM: "appliance",
}


def action_words(action: str) -> str:
    """“added the peer” of "peer.added"; an action that is not known stays as it is."""
    kind, _, verb = action.partition(".")
    if action in _ACTIONS or kind not in _OBJECTS:
        return _ACTIONS.get(action, action)
    return f"{verb.replace('_', ' ')} the {_OBJECTS[kind]}"


def way_words(actor_kind: str) -> str:
    """By which way a change came in."""
    return _WAYS.get(actor_kind, actor_kind)


def who_words(actor_kind: str, actor_name: str) -> str:
    """“root (shell)”; a user of the panel is a name alone."""
    name = actor_name.removeprefix(f"{actor_kind}:")
    return name if actor_kind == ActorKind.USER else f"{name} ({way_words(actor_kind)})"
