"""Every service that changes something leaves its row in the transaction of the change, or changes nothing.

The services are found, not listed: a new one fails here until somebody has said how it is called.
"""

import ast
import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection

import apps
from apps.access import services as access
from apps.access.models import Assertion, Grant
from apps.accounts import services as accounts
from apps.accounts.rights import Role
from apps.accounts.sign_in import sessions
from apps.audit import rows
from apps.backups import services as backups
from apps.backups.models import Way
from apps.credentials import services as credentials
from apps.enrolment import services as enrolment
from apps.enrolment.models import Invite, Stranger
from apps.forwarding import services as forwarding
from apps.forwarding.models import Rule
from apps.locks import services as locks
from apps.locks.models import Lock
from apps.panel.models import SavedFilter
from apps.panel.saved import services as saved
from apps.panel.setup_link import create_administrator
from apps.peers import services as peers
from apps.peers.portable.rows import Row
from apps.peers.selectors import get_peer
from apps.tokens import services as tokens
from apps.tokens.models import ApiToken
from tests.support.credentials import blob
from tests.support.enrolment import INBOX, NODE, arrived, invite, key, taken
from tests.support.panel import ALICE, draft, fingerprint, sql

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(apps.__path__[0])
ROOMS = (
    "access",
    "accounts",
    "activity",
    "audit",
    "backups",
    "credentials",
    "enrolment",
    "forwarding",
    "locks",
    "panel",
    "peers",
    "tokens",
)
ELSEWHERE = {
    "apps.access.services.assertions.follow_rename": "called by update_peer",
    "apps.access.services.grants.follow_rename": "called by update_peer",
    "apps.access.services.grants.forget": "called by remove_peers and import_peers",
    "apps.access.services.grants.forget_added": "called wherever a peer is added",
    "apps.accounts.services.check_change": "writes nothing",
    "apps.accounts.services.note_password": "called by set_password",
    "apps.accounts.services.note_created": "called in the transaction of a sign-in: tests/apps/accounts/test_oidc.py",
    "apps.activity.cut.cut": "with a node and a connection: tests/apps/activity",
    "apps.audit.services.record": "writes the rows",
    "apps.backups.services.begin": "a backup leaves its row when it has ended, well or not",
    "apps.credentials.services.contents.set_credential": "seals, and calls put_credential",
    "apps.credentials.services.rotation.rotate_credentials": "seals anew, and calls swap_credential",
    "apps.enrolment.services.admission.admit": "called in the transaction of a decision",
    "apps.enrolment.services.admission.settle": "called in the transaction of a decision",
    "apps.forwarding.services.following.follow_rename": "called by update_peer",
    "apps.forwarding.services.following.forget": "called by remove_peers and import_peers",
    "apps.locks.services.locks.follow_rename": "called by update_peer",
    "apps.peers.services.peers.change_peer": "called by update_peer, and in the transaction of who has read the peer",
    "apps.peers.services.peers.replace_peer": "called in the transaction of who has read the peer",
    "apps.peers.services.peers.write_peer": "called by the others",
    "apps.peers.services.peers.enrol_peer": "called in the transaction that admits a peer",
}
WRITERS = {
    "access/services/assertions.py": "",
    "access/services/grants.py": "",
    "accounts/services.py": "",
    "accounts/sign_in/lockout.py": "counts of failures; that a user is locked out leaves its row: test_lockout.py",
    "activity/services.py": "the journal's events, which are no administrator's changes",
    "audit/checkpoints.py": "checkpoints, which are guarded likewise",
    "audit/reports.py": "how the last verification ended",
    "backups/services.py": "",
    "credentials/services/rows.py": "",
    "enrolment/services/admission.py": "",
    "enrolment/services/inbox.py": "",
    "enrolment/services/invites.py": "",
    "enrolment/services/strangers.py": "",
    "forwarding/services/following.py": "called by the services of peers",
    "forwarding/services/rules.py": "",
    "locks/services/locks.py": "",
    "locks/services/many.py": "",
    "panel/saved/services.py": "",
    "peers/services/api_keys.py": "",
    "peers/services/imports.py": "",
    "peers/services/peers.py": "",
    "peers/services/side_rows.py": "called by the services of peers",
    "peers/services/scopes.py": "",
    "tokens/services.py": "",
}
"""Who writes by the ORM; those without a word against them are called below."""
WRITES = {"create", "bulk_create", "bulk_update", "update_or_create", "get_or_create", "save", "create_superuser"}
OLD, NEW = blob(1), blob(2, key_version=3)


class Refused(Exception):
    pass


def found_services() -> set[str]:
    """Every public function of the apps that is told who acts."""
    names = set()
    admin.autodiscover()  # the panel's pages take the places of others, which have to be there
    for module in pkgutil.walk_packages(apps.__path__, "apps."):
        if module.name.split(".")[1] not in ROOMS or "migrations" in module.name:
            continue
        for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            mine = function.__module__ == module.name and not name.startswith("_")
            if mine and "actor" in inspect.signature(function).parameters:
                names.add(f"{module.name}.{name}")
    return names


def changes() -> Iterator[tuple[Callable[..., Any], int, dict[str, Any]]]:
    """Each service, how many rows it leaves, and what it is called with, in an order in which that can be."""
    yield accounts.create_user, 1, {"username": "bob", "role": None}
    yield accounts.change_user, 1, {"username": "bob", "role": Role.VIEWER}
    yield accounts.set_password, 1, {"username": "bob", "password": "correct horse battery"}
    bob = User.objects.get(username="bob")
    UserSession.objects.create(user=bob, ip="192.0.2.1", session_key="x")
    yield sessions.end_sessions, 1, {"username": "bob"}
    Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={})
    yield sessions.reset_second_factors, 1, {"username": "bob"}
    yield accounts.remove_users, 1, {"usernames": ["bob"]}
    yield peers.create_peer, 1, {"draft": draft("a")}
    yield peers.put_peer, 1, {"draft": draft("b")}
    yield peers.issue_peer_token, 1, {"peer_id": "a"}
    yield peers.clear_peer_token, 1, {"peer_id": "a"}
    old, new = get_peer("a").fingerprints[0], fingerprint("new")
    yield peers.set_peer_expiry, 1, {"peer_id": "a", "expires_at": 5.0}
    yield peers.set_key_expiry, 1, {"peer_id": "a", "key": old, "expires_at": time.time() + 60}
    yield peers.rotate_key, 1, {"peer_id": "a", "old": old, "new": new, "overlap_seconds": 60}
    yield peers.set_peer_notes, 1, {"peer_id": "a", "notes": "x"}
    yield peers.set_peers_enabled, 2, {"peer_ids": ["a", "b"], "enabled": False}
    yield locks.lock, 1, {"target_kind": "peer", "target": "a", "reason": ""}
    yield access.add_assertion, 1, {"who": "a", "scopes": ["x"], "allowed": False}
    grant = {"peer_id": "c", "scopes": ["z"], "expires_at": time.time() + 60}
    yield peers.change_scopes, 2, {"peer_ids": ["a", "b"], "add": ["x"], "remove": ["y"]}
    yield peers.update_peer, 4, {"peer_id": "a", "changes": {"peer_id": "c"}}  # two names, its lock, its assertion
    yield access.remove_assertions, 1, {"ids": [str(Assertion.objects.get().pk)]}
    yield locks.unlock, 1, {"lock_id": str(Lock.objects.get().pk)}
    yield peers.set_peers_enabled, 1, {"peer_ids": ["c"], "enabled": True}
    yield peers.set_peer_expiry, 1, {"peer_id": "c", "expires_at": None}
    yield access.grant_access, 1, grant
    yield peers.update_peer, 3, {"peer_id": "c", "changes": {"peer_id": "f"}}  # two names, its grant
    yield access.revoke_grants, 1, {"ids": [str(Grant.objects.get().pk)]}
    yield peers.update_peer, 2, {"peer_id": "f", "changes": {"peer_id": "c"}}
    access.grant_access(actor=ALICE, **grant)
    Grant.objects.update(expires_at=1.0)
    yield access.grant_access, 2, grant  # and one that ended long ago
    yield locks.lock_peers, 2, {"peer_ids": ["b", "c"], "reason": "lost"}
    sql("DELETE FROM locks")
    yield locks.lock, 1, {"target_kind": "everything", "target": "", "reason": "", "expires_at": time.time() + 3600}
    sql("UPDATE locks SET expires_at = 1")
    yield locks.remove_expired, 1, {}
    yield peers.remove_peers, 3, {"peer_ids": ["b", "c"]}  # and a grant
    yield peers.import_peers, 2, {"rows": [Row("row 2", draft("d")), Row("row 3", draft("e"))], "replace": False}
    yield peers.import_peers, 2, {"rows": [Row("row 2", draft("d", scopes=["x"]))], "replace": True}
    yield forwarding.add_rule, 1, {"target": "a", "action": "allow"}
    yield forwarding.add_rule, 1, {"target": "b", "action": "deny", "position": 1}
    second = str(Rule.objects.get(target="a").pk)
    yield forwarding.change_rule, 1, {"rule_id": second, "note": "x", "position": 1}
    yield forwarding.move_rule, 1, {"rule_id": second, "position": 2}
    yield forwarding.remove_rules, 2, {"rule_ids": [str(row.pk) for row in Rule.objects.all()]}
    yield peers.create_api_key, 1, {"description": "", "scopes": [], "expires_at": None}
    yield peers.remove_api_keys, 1, {"prefixes": [prefix for (prefix,) in sql("SELECT prefix FROM api_keys")]}
    yield enrolment.create_invite, 1, {"address": "a:1", "node": NODE}
    yield enrolment.revoke_invite, 1, {"invite_id": str(Invite.objects.get().pk)}
    code = invite(uses=2, needs_approval=True).code
    one, two = (taken(number, code, key(number), name=f"pi-{number}") for number in (1, 2))
    yield enrolment.approve, 1, {"claim_id": one.pk, "sas": one.sas}
    yield enrolment.refuse, 1, {"claim_id": two.pk}
    for number in (3, 4):
        Stranger.objects.create(pk=key(number), first_seen=1.0, last_seen=1.0, count=1)
    yield enrolment.dismiss_stranger, 1, {"fingerprint": key(3)}
    yield enrolment.admit_stranger, 1, {"fingerprint": key(4), "peer_id": "desk"}
    yield tokens.create_token, 1, {"name": "t", "rights": ["peers:read"]}
    yield tokens.revoke_tokens, 1, {"ids": [str(ApiToken.objects.get().pk)]}
    yield credentials.put_credential, 1, {"provider": "x", "blob": OLD}
    yield credentials.swap_credential, 1, {"provider": "x", "old": OLD, "new": NEW}
    yield credentials.delete_credential, 1, {"provider": "x"}
    credentials.put_credential(actor=ALICE, provider="y", blob=OLD)
    yield credentials.remove_credentials, 1, {"providers": ["y"]}
    backup = backups.begin(actor=ALICE, way=Way.PANEL, file=Path("/none/a.tar"), encrypted=False)
    yield backups.succeed, 1, {"backup": backup, "size": 1, "sha256": ""}
    backup = backups.begin(actor=ALICE, way=Way.PANEL, file=Path("/none/b.tar"), encrypted=False)
    yield backups.fail, 1, {"backup": backup, "reason": "x"}
    yield backups.record_made, 1, {"facts": {"file": "/none/c.tar", "size": 1, "sha256": "", "encrypted": False}}
    yield backups.note_download, 1, {"backup": backup}
    ann = User.objects.create_superuser("ann")
    yield saved.save_filter, 1, {"user": ann, "list_name": "peer", "query": "q=x", "name": "x", "shared": False}
    mine = str(SavedFilter.objects.get().pk)
    yield saved.change_filter, 1, {"user": ann, "filter_id": mine, "name": "y", "shared": True}
    yield saved.remove_filters, 1, {"user": ann, "ids": [mine]}
    ann.delete()  # the first administrator is still to be made


def test_every_change_leaves_its_row_or_does_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for service, count, arguments in changes():
        seen.add(f"{service.__module__}.{service.__name__}")
        is_audited(lambda: service(actor=ALICE, **arguments), count, monkeypatch)  # noqa: B023 - called at once
    is_audited(lambda: create_administrator(username="admin", password="correct horse battery"), 1, monkeypatch)
    assert seen | set(ELSEWHERE) == found_services()


def test_what_the_appliance_does_by_itself_leaves_its_row_likewise(monkeypatch: pytest.MonkeyPatch) -> None:
    backups.begin(actor=ALICE, way=Way.PANEL, file=Path("/none/a.tar"), encrypted=False)
    is_audited(backups.settle, 1, monkeypatch)
    backup = backups.begin(actor=ALICE, way=Way.SCHEDULE, file=Path("/none/b.tar"), encrypted=False)
    backups.succeed(actor=ALICE, backup=backup, size=1, sha256="")
    is_audited(lambda: backups.remove_old(keep=0), 1, monkeypatch)
    settings.PATHS.restored.write_text("{}")
    is_audited(lambda: backups.note_restore(settings.PATHS), 1, monkeypatch)


def test_a_claim_that_comes_out_of_the_inbox_leaves_its_row_likewise(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, needs_approval in ((1, True), (2, False)):
        claim = arrived(invite(peer_id=f"pi-{number}", needs_approval=needs_approval).code, key(number))
        is_audited(lambda: enrolment.take(INBOX, number, claim), 1, monkeypatch)  # noqa: B023 - called at once


def is_audited(change: Callable[[], object], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise Refused

    before, log = everything(), audited()
    with monkeypatch.context() as broken, pytest.raises(Refused):
        broken.setattr(rows, "append", refuse)
        change()
    assert everything() == before
    change()
    assert audited() == log + count


def everything() -> dict[str, list[tuple[Any, ...]]]:
    return {name: sql(f'SELECT * FROM "{name}"') for name in connection.introspection.table_names()}


def audited() -> int:
    return int(sql("SELECT count(*) FROM audit_auditentry")[0][0])


def test_nothing_else_writes() -> None:
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    assert {str(path.relative_to(ROOT)) for path in files if writes(path)} == set(WRITERS)


def writes(path: Path) -> bool:
    """Whether a file calls what stores a row by the ORM."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return "migrations" not in path.parts and any(isinstance(f, ast.Attribute) and f.attr in WRITES for f in calls)
