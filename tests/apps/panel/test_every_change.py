"""Every address of the panel that changes something leaves exactly one change in the audit log; no other leaves any.

The addresses are those of tests/support/panel_rights.py: a new one fails here until somebody has said what it does.
tests/apps/rest/test_every_change.py is the same for REST.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from apps.access import services as access
from apps.accounts.rights import Role
from apps.audit.models import AuditEntry
from apps.backups.runner import RUNNER
from apps.credentials import services as credentials
from apps.enrolment.models import Stranger
from apps.forwarding import services as forwarding
from apps.locks import services as locks
from apps.locks.models import Lock
from apps.panel.models import SavedFilter
from apps.peers import services as peers
from apps.tokens import services as tokens
from node.core.capabilities import Secret
from node.core.peers import PeerEntry
from tests.support.accounts import add_user
from tests.support.enrolment import invite, key, taken
from tests.support.filled import send
from tests.support.panel import ALICE, fingerprint
from tests.support.panel_rights import NEEDS, NOBODY
from tests.support.signing_in import with_app
from tests.support.tables import KEPT_OF_WHOEVER_ASKS, written
from tests.support.vault_node import VaultNode

ROOT = Path(__file__).parents[3]
_PEER, _LOCK, _USER = ("peers/peer/<path:object_id>/", "locks/lock/<path:object_id>/", "auth/user/<path:object_id>/")


class Post(NamedTuple):
    """What is typed into the page of a route, and what the log then says; {names} are of `things`."""

    typed: dict[str, Any]
    actions: list[str]


def deleted(action: str) -> Post:
    return Post({"post": "yes"}, [action])


def chosen(act: str, which: str | list[str], *actions: str, **typed: Any) -> Post:
    """An act of a list, on what is ticked there: one row for each."""
    return Post({"action": act, "_selected_action": which, "post": "yes", **typed}, list(actions))


CHANGES: dict[str, list[Post]] = {
    "access/assertion/": [chosen("delete_selected", "{assertion}", "assertion.removed")],
    "access/assertion/add/": [Post({"who": "laptop", "scopes": "y", "verb": "must not"}, ["assertion.added"])],
    "access/assertion/<path:object_id>/delete/": [deleted("assertion.removed")],
    "access/grant/": [chosen("delete_selected", "{grant}", "grant.revoked")],
    "access/grant/add/": [Post({"peer_id": "desk2", "scopes": "z", "lasts": "3600"}, ["grant.given"])],
    "access/grant/<path:object_id>/delete/": [deleted("grant.revoked")],
    "auth/user/": [chosen("delete_selected", "{user}", "user.removed")],
    "auth/user/add/": [
        Post(
            {"username": "eve", "usable_password": "true", "role": "viewer"}
            | dict.fromkeys(("password1", "password2"), "correct horse battery"),
            ["user.added"],
        )
    ],
    f"{_USER}change/": [Post({"role": "viewer"}, ["user.changed"])],
    f"{_USER}delete/": [deleted("user.removed")],
    "auth/user/<id>/password/": [
        Post(dict.fromkeys(("password1", "password2"), "battery horse correct"), ["user.changed"])
    ],
    f"{_USER}end-sessions/": [Post({}, ["user.sessions_ended"])],
    f"{_USER}reset-second-factors/": [Post({}, ["user.second_factors_reset"])],
    "peers/peer/": [
        chosen("disable_peers", "laptop", "peer.disabled"),
        chosen("enable_peers", "off", "peer.enabled"),
        chosen("add_scopes", "laptop", "peer.changed", scopes="new"),
        chosen("remove_scopes", "laptop", "peer.changed", scopes="a"),
        chosen("lock_selected", "laptop", "lock.placed", lasts=""),
        chosen("delete_selected", "off", "peer.removed"),
        chosen("disable_peers", ["laptop", "desk2"], "peer.disabled", "peer.disabled"),
    ],
    "peers/peer/add/": [Post({"peer_id": "new"}, ["peer.added"])],
    f"{_PEER}change/": [Post({"notes": "x"}, ["peer.noted"]), Post({"scopes": "a, b"}, ["peer.changed"])],
    f"{_PEER}delete/": [deleted("peer.removed")],
    f"{_PEER}rotate-key/": [
        Post({"old": fingerprint("laptop"), "new": fingerprint(7), "overlap": "3600"}, ["peer.key_rotated"])
    ],
    f"{_PEER}issue-token/": [Post({}, ["peer.token_issued"])],
    f"{_PEER}clear-token/": [Post({}, ["peer.token_cleared"])],
    "peers/peer/files/": [Post({"file": b"peer_id\nnew\n", "format": "csv"}, ["peer.added"])],
    "panel/savedfilter/": [chosen("delete_selected", "{filter}", "saved_filter.removed")],
    "panel/savedfilter/<path:object_id>/change/": [Post({"name": "other"}, ["saved_filter.changed"])],
    "panel/savedfilter/<path:object_id>/delete/": [deleted("saved_filter.removed")],
    "panel/savedfilter/save/": [Post({"list_name": "peer", "query": "q=y", "name": "mine"}, ["saved_filter.added"])],
    "peers/apikey/": [chosen("delete_selected", "{key}", "api_key.removed")],
    "peers/apikey/add/": [Post({"scopes": "a"}, ["api_key.added"])],
    "peers/apikey/<path:object_id>/delete/": [deleted("api_key.removed")],
    "tokens/apitoken/": [chosen("delete_selected", "{token}", "token.revoked")],
    "tokens/apitoken/add/": [Post({"name": "new", "rights": "peers:read"}, ["token.created"])],
    "tokens/apitoken/<path:object_id>/delete/": [deleted("token.revoked")],
    "credentials/credential/": [chosen("delete_selected", "openai", "credential.removed")],
    "credentials/credential/add/": [Post({"provider": "other", "content": "sk-1"}, ["credential.added"])],
    "credentials/credential/<path:object_id>/change/": [Post({"content": "sk-2"}, ["credential.replaced"])],
    "credentials/credential/<path:object_id>/delete/": [deleted("credential.removed")],
    "credentials/credential/rotate/": [Post({}, ["credential.rotated"])],
    "forwarding/rule/": [chosen("delete_selected", "{rule}", "forwarding_rule.removed")],
    "forwarding/rule/add/": [Post({"action": "deny", "target": "x"}, ["forwarding_rule.added"])],
    "forwarding/rule/<path:object_id>/change/": [Post({"note": "x"}, ["forwarding_rule.changed"])],
    "forwarding/rule/<path:object_id>/delete/": [deleted("forwarding_rule.removed")],
    "forwarding/rule/<path:object_id>/move/": [Post({"to": "1"}, ["forwarding_rule.moved"])],
    "locks/lock/": [chosen("unlock_selected", "{lock}", "lock.lifted")],
    "locks/lock/add/": [Post({"target_kind": "scope", "target": "b", "lasts": ""}, ["lock.placed"])],
    "locks/lock/everything/": [Post({"confirmation": "lock everything", "lasts": ""}, ["lock.placed"])],
    "locks/lock/remove-ended/": [Post({}, ["lock.removed"])],
    f"{_LOCK}unlock/": [Post({}, ["lock.lifted"])],
    "enrolment/invite/add/": [Post({"address": "node.example:4433"}, ["invite.made"])],
    "enrolment/invite/<path:object_id>/revoke/": [Post({}, ["invite.revoked"])],
    "enrolment/claim/<str:claim_id>/approve/": [Post({"sas": "111 222 333"}, ["peer.enrolled"])],
    "enrolment/claim/<str:claim_id>/refuse/": [Post({}, ["claim.refused"])],
    "enrolment/stranger/<str:key>/admit/": [Post({"peer_id": "desk"}, ["peer.enrolled"])],
    "enrolment/stranger/<str:key>/dismiss/": [Post({}, ["stranger.dismissed"])],
}
"""What one POST of each does. An act on many leaves a row for each."""

ELSEWHERE = {
    "setup/": "apps/panel/test_setup_link.py",
    **dict.fromkeys(("login/", "account/login/", "account/logout/", "logout/"), "apps/accounts/test_sign_in.py"),
    **dict.fromkeys(("account/reauthenticate/", "account/2fa/reauthenticate/"), "apps/accounts/test_step_up.py"),
    "account/sessions/": "apps/accounts/test_sessions.py",
    **dict.fromkeys(("account/password/change/", "account/password/set/"), "apps/accounts/test_sign_in.py"),
    **dict.fromkeys(
        [
            "account/2fa/authenticate/",
            *(f"account/2fa/app/{name}" for name in ("", "remove/")),
            "account/2fa/recovery-codes/generate/",
        ],
        "apps/accounts/test_second_factors.py",
    ),
    **dict.fromkeys(
        [
            *(f"account/2fa/passkeys/{name}" for name in ("login/", "add/", "reauthenticate/")),
            *(f"account/2fa/passkeys/<int:pk>/{name}/" for name in ("remove", "edit")),
        ],
        "e2e/test_sign_in_in_a_browser.py",
    ),
    **dict.fromkeys(
        ["account/identities/", *(f"account/oidc/<str:provider_id>/{name}/" for name in ("login", "callback"))],
        "apps/accounts/test_oidc.py",
    ),
    "backups/backup/make/": "apps/backups/test_services.py",
    "activity/connection/<str:boot>/<int:number>/cut/": "apps/activity/test_panel_connections.py",
}
"""Signing in and one's own second factors, with what they take; and what is written once something else has ended."""

ABOUT_THE_LOG = {"audit/auditentry/verify/", "audit/auditentry/sign/"}
"""They write how it is with the log, which is no change of it."""
DOWNLOADED = {"backups/backup/<int:pk>/download/"}
"""It changes nothing, and leaves a row: tests/apps/backups/test_pages.py."""


HARMLESS = {
    "",
    *("now/", "search/", "password_change/", "fields/<str:kind>/check/"),
    *("r/<path:content_type_id>/<path:object_id>/", "^(?P<app_label>…)/$", "(?P<url>.*)$"),
    *(f"account/{name}/" for name in ("inactive", "no-access", "identities/cancelled", "identities/error")),
    *(f"account/2fa/{name}" for name in ("", "recovery-codes/", "recovery-codes/download/", "passkeys/")),
    *("enrolment/invite/", "enrolment/claim/", "enrolment/stranger/", "audit/auditentry/", "backups/backup/"),
    *(f"activity/{name}/" for name in ("event", "event/rows", "event/<int:number>")),
    *(f"activity/connection/{name}" for name in ("", "presence/", "of-peer/")),
    "peers/peer/<path:object_id>/lock/",
}
"""They answer a POST as they do a GET, or lead elsewhere."""


def posted() -> set[str]:
    """What somebody may send something to, but for the pages of each model that only lead on."""
    asked = {route for route, (_, need) in NEEDS.items() if need != NOBODY}
    return {route for route in asked if not route.endswith(("/history/", "<path:object_id>/"))} | (HARMLESS & asked)


@pytest.fixture
def things(
    admin_user: User, add_peer: Callable[..., PeerEntry], node: VaultNode, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """One of everything that can be changed, by the names that stand for them above and by the beginning of routes."""
    monkeypatch.setattr(RUNNER, "begin", lambda *_: None)
    add_peer("laptop", scopes=["a"])
    add_peer("desk2")
    add_peer("off", enabled=False)
    peers.issue_peer_token(actor=ALICE, peer_id="laptop")
    credentials.set_credential(actor=ALICE, provider="openai", content=Secret("sk-0"))
    ended = locks.lock(actor=ALICE, target_kind="scope", target="old", reason="")
    Lock.objects.filter(pk=ended.lock_id).update(expires_at=1.0)
    code = invite(uses=2, needs_approval=True).code
    Stranger.objects.create(pk=key(9), first_seen=1.0, last_seen=1.0, count=1)
    forwarding.add_rule(actor=ALICE, action="allow", target="a")
    user = add_user(Role.OPERATOR, "somebody", "correct horse battery")
    UserSession.objects.create(user=user, ip="192.0.2.1", session_key="x")
    with_app(user)
    return {
        "assertion": access.add_assertion(actor=ALICE, who="nobody", scopes=["x"], allowed=False).pk,
        "grant": access.grant_access(actor=ALICE, peer_id="desk2", scopes=["y"], expires_at=time.time() + 3600).pk,
        "user": user.pk,
        "filter": SavedFilter.objects.create(owner=admin_user, list_name="peer", query="q=x", name="x").pk,
        "key": peers.create_api_key(actor=ALICE, description="", scopes=[]).entry.prefix,
        "token": tokens.create_token(actor=ALICE, name="old", rights=["peers:read"]).facts.id,
        "lock": locks.lock(actor=ALICE, target_kind="alpn", target="x", reason="").lock_id,
        "rule": forwarding.add_rule(actor=ALICE, action="allow", target="b").pk,
        "invite": invite().facts.invite_id,
        "claim": taken(1, code, key(1), name="pi").pk,
    }


WHOSE = {
    "access/assertion": "{assertion}",
    "access/grant": "{grant}",
    "auth/user": "{user}",
    "peers/peer": "laptop",
    "panel/savedfilter": "{filter}",
    "peers/apikey": "{key}",
    "tokens/apitoken": "{token}",
    "credentials/credential": "openai",
    "forwarding/rule": "{rule}",
    "locks/lock": "{lock}",
    "enrolment/invite": "{invite}",
    "enrolment/claim": "{claim}",
    "enrolment/stranger": key(9),
    "audit/auditentry": "1",
}


def address(route: str, things: dict[str, Any]) -> str:
    """A real address of a route."""
    whose = next((name for begin, name in WHOSE.items() if route.startswith(begin)), "x").format(**things)
    plain = route.replace("^(?P<app_label>…)/$", "peers/").replace("(?P<url>.*)$", "nowhere/")
    return "/" + re.sub(r"<[\w:]+>", quote(whose) if "object_id" in route else whose, plain)


def test_every_address_is_said_to_change_something_or_not() -> None:
    stated = [CHANGES.keys(), ELSEWHERE.keys(), ABOUT_THE_LOG, DOWNLOADED, HARMLESS]
    assert set().union(*stated) == posted()
    assert sum(map(len, stated)) == len(posted()), "one stands in two tables"
    assert not [name for name in set(ELSEWHERE.values()) if not (ROOT / "tests" / name).is_file()]


def test_a_change_is_one_row_of_who_is_signed_in(panel: Client, things: dict[str, Any]) -> None:
    wrong, cookie = [], settings.SESSION_COOKIE_NAME
    session = panel.cookies[cookie].value
    for route, posts in CHANGES.items():
        for post in posts:
            panel.cookies[cookie] = session  # a new one is gone with what was done
            with transaction.atomic():
                told = leaves(panel, address(route, things), post, things)
                transaction.set_rollback(True)
            wrong += [(route, post.typed, told)] if told != post.actions else []
    assert wrong == []


def leaves(panel: Client, path: str, post: Post, things: dict[str, Any]) -> Any:
    """What the log has after it: all by the user and by one request; else what was answered."""
    last = AuditEntry.objects.latest("pk").pk
    typed = {name: _sent(value, things) for name, value in post.typed.items()}
    answer = send(panel, path, **typed)
    rows = list(AuditEntry.objects.filter(pk__gt=last))
    if {(row.actor_kind, row.actor_name, row.request_id) for row in rows} != {
        ("user", "admin", answer["X-Request-ID"])
    }:
        return answer.status_code, [(row.action, row.actor_name) for row in rows]
    return [row.action for row in rows]


def _sent(value: Any, things: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_sent(one, things) for one in value]
    return SimpleUploadedFile("x", value) if isinstance(value, bytes) else value.format(**things)


def test_what_is_no_change_leaves_no_row(panel: Client, things: dict[str, Any]) -> None:
    before = written(besides=KEPT_OF_WHOEVER_ASKS)
    for route in sorted(HARMLESS):
        panel.post(address(route, things), {"post": "yes", "_save": "Save"})
        assert written(besides=KEPT_OF_WHOEVER_ASKS) == before, route
