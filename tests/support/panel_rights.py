"""Which right each page of the panel takes: to look (GET), and to do what it is there for (POST).

Every URL of the panel stands here by its route; one that does not fails the test of them.
"""

from apps.accounts.rights import Right

OPEN = "open"
"""For everybody, signed in or not."""
ANY_ROLE = "any role"
SIGNED_IN = "signed in"
"""For every user, also one without a role: their own account."""
NOBODY = "nobody"
"""A page that Django makes and that the panel refuses to everyone."""

Need = Right | str


def _model(route: str, look: Need, edit: Need) -> dict[str, tuple[Need, Need]]:
    """The pages that Django's admin has of every model."""
    return {
        f"{route}/": (look, look),
        f"{route}/add/": (edit, edit),
        f"{route}/<path:object_id>/history/": (look, look),
        f"{route}/<path:object_id>/delete/": (edit, edit),
        f"{route}/<path:object_id>/change/": (look, edit),
        f"{route}/<path:object_id>/": (ANY_ROLE, ANY_ROLE),  # leads to the page above it, which asks
    }


def _both(need: Need, *routes: str) -> dict[str, tuple[Need, Need]]:
    return dict.fromkeys(routes, (need, need))


def _look(need: Need, *routes: str) -> dict[str, tuple[Need, Need]]:
    return dict.fromkeys(routes, (need, NOBODY))


def _do(need: Need, *routes: str) -> dict[str, tuple[Need, Need]]:
    return dict.fromkeys(routes, (NOBODY, need))


NEEDS: dict[str, tuple[Need, Need]] = {
    **_both(OPEN, "setup/", "login/", "account/login/", "account/logout/", "account/inactive/"),
    **_both(OPEN, "account/2fa/authenticate/", "account/2fa/passkeys/login/"),
    **_both(SIGNED_IN, *(f"account/{name}/" for name in ("reauthenticate", "sessions", "no-access"))),
    **_both(OPEN, *(f"account/oidc/<str:provider_id>/{name}/" for name in ("login", "callback"))),
    **_both(OPEN, *(f"account/identities/{name}/" for name in ("cancelled", "error"))),
    **_both(SIGNED_IN, "account/identities/"),
    **_both(SIGNED_IN, "account/password/change/", "account/password/set/"),
    **_both(SIGNED_IN, *(f"account/2fa/{name}" for name in ("", "reauthenticate/", "app/", "app/remove/"))),
    **_both(SIGNED_IN, *(f"account/2fa/recovery-codes/{name}" for name in ("", "generate/", "download/"))),
    **_both(SIGNED_IN, *(f"account/2fa/passkeys/{name}" for name in ("", "add/", "reauthenticate/"))),
    **_both(SIGNED_IN, *(f"account/2fa/passkeys/<int:pk>/{name}/" for name in ("remove", "edit"))),
    **_look(OPEN, "readyz", "readyz/panel", "setup/<str:token>/", "setup/<str:token>"),
    **_do(OPEN, "logout/"),
    **_both(ANY_ROLE, "", "now/", "search/", "password_change/"),
    **_look(ANY_ROLE, "jobs/<str:job>/", "jsi18n/", "password_change/done/"),
    **_both(ANY_ROLE, "r/<path:content_type_id>/<path:object_id>/", "^(?P<app_label>…)/$", "(?P<url>.*)$"),
    **_both(NOBODY, "autocomplete/"),
    **_look(Right.STATUS_READ, "health/"),
    **_look(Right.ACCESS_READ, "access/"),
    **_do(Right.PEERS_READ, "fields/<str:kind>/check/"),
    **_look(Right.PEERS_READ, "fields/<str:kind>/complete/"),
    **_model("access/assertion", Right.ACCESS_READ, Right.ACCESS_WRITE),
    "access/assertion/<path:object_id>/change/": (Right.ACCESS_READ, NOBODY),
    **_model("access/grant", Right.GRANTS_READ, Right.GRANTS_WRITE),
    "access/grant/<path:object_id>/change/": (Right.GRANTS_READ, NOBODY),
    **_model("auth/user", Right.USERS_READ, Right.USERS_WRITE),
    **_both(Right.USERS_WRITE, "auth/user/<id>/password/", "auth/user/<path:object_id>/end-sessions/"),
    **_both(Right.USERS_WRITE, "auth/user/<path:object_id>/reset-second-factors/"),
    **_model("peers/peer", Right.PEERS_READ, Right.PEERS_WRITE),
    **_both(Right.PEERS_WRITE, "peers/peer/<path:object_id>/rotate-key/"),
    **_both(Right.PEERS_WRITE, "peers/peer/<path:object_id>/issue-token/", "peers/peer/<path:object_id>/clear-token/"),
    **_both(Right.LOCKS_WRITE, "peers/peer/<path:object_id>/lock/"),
    "peers/peer/files/": (Right.PEERS_READ, Right.PEERS_WRITE),
    "peers/peer/files/export/<str:name>/": (Right.PEERS_READ, NOBODY),
    **_model("panel/savedfilter", Right.PEERS_READ, Right.PEERS_READ),
    **_both(NOBODY, "panel/savedfilter/add/"),
    **_both(Right.PEERS_READ, "panel/savedfilter/save/"),
    **_model("peers/apikey", Right.API_KEYS_READ, Right.API_KEYS_WRITE),
    "peers/apikey/<path:object_id>/change/": (Right.API_KEYS_READ, NOBODY),
    **_model("tokens/apitoken", Right.TOKENS_READ, Right.TOKENS_WRITE),
    "tokens/apitoken/<path:object_id>/change/": (Right.TOKENS_READ, NOBODY),
    **_model("credentials/credential", Right.CREDENTIALS_READ, Right.CREDENTIALS_WRITE),
    **_both(Right.CREDENTIALS_WRITE, "credentials/credential/rotate/"),
    **_model("locks/lock", Right.LOCKS_READ, Right.LOCKS_WRITE),
    **_both(NOBODY, "locks/lock/<path:object_id>/delete/"),
    "locks/lock/<path:object_id>/change/": (Right.LOCKS_READ, NOBODY),
    **_both(Right.LOCKS_WRITE, "locks/lock/everything/", "locks/lock/remove-ended/"),
    **_both(Right.LOCKS_WRITE, "locks/lock/<path:object_id>/unlock/"),
    **_model("forwarding/rule", Right.FORWARDING_READ, Right.FORWARDING_WRITE),
    **_do(Right.FORWARDING_WRITE, "forwarding/rule/<path:object_id>/move/"),
    **_look(Right.FORWARDING_READ, "forwarding/"),
    **_model("enrolment/invite", Right.INVITES_READ, Right.INVITES_WRITE),
    **_both(NOBODY, "enrolment/invite/<path:object_id>/delete/"),
    "enrolment/invite/<path:object_id>/change/": (Right.INVITES_READ, NOBODY),
    **_both(Right.INVITES_WRITE, "enrolment/invite/<path:object_id>/revoke/"),
    **_both(Right.INVITES_READ, "enrolment/claim/", "enrolment/stranger/"),
    **_do(Right.INVITES_WRITE, "enrolment/claim/<str:claim_id>/approve/", "enrolment/claim/<str:claim_id>/refuse/"),
    **_do(Right.INVITES_WRITE, "enrolment/stranger/<str:key>/admit/", "enrolment/stranger/<str:key>/dismiss/"),
    **_model("audit/auditentry", Right.AUDIT_READ, NOBODY),
    **_both(Right.AUDIT_READ, "audit/auditentry/verify/"),
    **_look(Right.AUDIT_READ, "audit/auditentry/export/"),
    **_do(Right.AUDIT_SIGN, "audit/auditentry/sign/"),
    **_model("backups/backup", Right.BACKUPS_READ, NOBODY),
    **_look(Right.BACKUPS_READ, "backups/backup/status/"),
    **_do(Right.BACKUPS_WRITE, "backups/backup/make/"),
    **_do(Right.BACKUPS_RESTORE, "backups/backup/<int:pk>/download/"),
    **_both(Right.ACTIVITY_READ, "activity/event/", "activity/event/rows/", "activity/event/<int:number>/"),
    **_both(Right.ACTIVITY_READ, "activity/connection/", "activity/connection/presence/"),
    **_both(Right.ACTIVITY_READ, "activity/connection/of-peer/"),
    **_do(Right.CONNECTIONS_CUT, "activity/connection/<str:boot>/<int:number>/cut/"),
}
