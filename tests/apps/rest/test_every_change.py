"""Every route that changes something leaves exactly one change in the audit log. The schema says which they are."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from apps.access import services as access
from apps.accounts.rights import RIGHTS_OF, Right, Role
from apps.audit.models import AuditEntry
from apps.credentials import services as credentials
from apps.enrolment.models import Stranger
from apps.forwarding import services as forwarding
from apps.locks import services as locks
from apps.locks.models import Lock
from apps.peers import services as peers
from apps.tokens import services as tokens
from node.core.capabilities import Secret
from node.core.peers import PeerEntry
from tests.apps.rest.test_schema import operations
from tests.support.enrolment import invite, key, taken
from tests.support.panel import ALICE, fingerprint
from tests.support.rest import BASE, Caller, problem_of, token_with
from tests.support.tables import written
from tests.support.vault_node import VaultNode


class Call(NamedTuple):
    path: str
    body: Any
    actions: list[str]
    """What the audit log says was done. Of a rename there is a row under each of the two names."""
    kind: str = "application/json"


KEYS = {"old": fingerprint("laptop"), "new": fingerprint(7)}
CALLS = {
    "put_peer": Call("/peers/new", {}, ["peer.added"]),
    "patch_peer": Call("/peers/laptop", {"enabled": False}, ["peer.disabled"]),
    "rename_peer": Call("/peers/laptop/rename", {"peer_id": "other"}, ["peer.renamed", "peer.renamed"]),
    "rotate_key": Call("/peers/laptop/rotate", KEYS, ["peer.key_rotated"]),
    "delete_peer": Call("/peers/laptop", None, ["peer.removed"]),
    "issue_peer_token": Call("/peers/laptop/token", None, ["peer.token_issued"]),
    "clear_peer_token": Call("/peers/laptop/token", None, ["peer.token_cleared"]),
    "import_peers": Call("/peers/import", b"peer_id\nnew\n", ["peer.added"], "text/csv"),
    "create_api_key": Call("/api-keys", {"scopes": ["a"]}, ["api_key.added"]),
    "delete_api_key": Call("/api-keys/{key}", None, ["api_key.removed"]),
    "set_credential": Call("/credentials/openai", {"content": "sk-1"}, ["credential.replaced"]),
    "rotate_credentials": Call("/credential-rotations", {}, ["credential.rotated"]),
    "delete_credential": Call("/credentials/openai", None, ["credential.removed"]),
    "add_assertion": Call(
        "/access/assertions", {"who": "laptop", "scopes": ["x"], "allowed": False}, ["assertion.added"]
    ),
    "remove_assertion": Call("/access/assertions/{assertion}", None, ["assertion.removed"]),
    "grant_access": Call(
        "/grants", {"peer_id": "desk2", "scopes": ["x"], "expires_at": time.time() + 3600}, ["grant.given"]
    ),
    "revoke_grant": Call("/grants/{grant}", None, ["grant.revoked"]),
    "add_forwarding_rule": Call("/forwarding/rules", {"action": "deny", "target": "x"}, ["forwarding_rule.added"]),
    "patch_forwarding_rule": Call("/forwarding/rules/{rule}", {"position": 1}, ["forwarding_rule.moved"]),
    "remove_forwarding_rule": Call("/forwarding/rules/{rule}", None, ["forwarding_rule.removed"]),
    "create_lock": Call("/locks", {"target_kind": "scope", "target": "a"}, ["lock.placed"]),
    "delete_lock": Call("/locks/{lock}", None, ["lock.lifted"]),
    "delete_ended_locks": Call("/locks?which=ended", None, ["lock.removed"]),
    "create_invite": Call("/invites", {"needs_approval": False}, ["invite.made"]),
    "revoke_invite": Call("/invites/{invite}", None, ["invite.revoked"]),
    "approve_claim": Call("/claims/{claim}/approve", {"sas": "111 222 333"}, ["peer.enrolled"]),
    "refuse_claim": Call("/claims/{claim}/refuse", None, ["claim.refused"]),
    "admit_stranger": Call("/strangers/{stranger}/admit", {"peer_id": "desk"}, ["peer.enrolled"]),
    "dismiss_stranger": Call("/strangers/{stranger}/dismiss", {"seconds": 60}, ["stranger.dismissed"]),
    "create_token": Call("/tokens", {"name": "ci", "rights": ["peers:read"]}, ["token.created"]),
    "revoke_token": Call("/tokens/{token}", None, ["token.revoked"]),
}
BESIDE_THE_LOG = {"sign_audit": {"audit_checkpoint"}, "verify_audit": {"audit_verification"}}
"""What is written by routes that make no change: how it is with the log itself."""
CUT = "cut_connection"
BEGUN = "create_backup"
"""It leaves its row when the backup has ended, well or not: tests/apps/backups/test_services.py."""
METHODS = {
    details["operationId"]: method.upper()
    for method, _, details in operations()
    if method != "get" and "x-changes-nothing" not in details
}
RIGHTS = {details["operationId"]: Right(details["x-right"]) for _, _, details in operations()}
CHANGE_NOTHING = [
    (details["operationId"], method.upper(), re.sub(r"{\w+}", "nothing", path.removeprefix(BASE)))
    for method, path, details in operations()
    if method == "get" or "x-changes-nothing" in details
]


def test_the_table_has_every_route_that_changes_something() -> None:
    assert {*CALLS, CUT, BEGUN} == set(METHODS)


@pytest.fixture
def things(add_peer: Callable[..., PeerEntry], node: VaultNode) -> dict[str, str]:
    """One of everything that can be changed."""
    add_peer("laptop")
    add_peer("desk2")
    peers.issue_peer_token(actor=ALICE, peer_id="laptop")
    credentials.set_credential(actor=ALICE, provider="openai", content=Secret("sk-0"))
    ended = locks.lock(actor=ALICE, target_kind="scope", target="old", reason="")
    Lock.objects.filter(pk=ended.lock_id).update(expires_at=1.0)
    forwarding.add_rule(actor=ALICE, action="allow", target="a")
    code = invite(uses=2, needs_approval=True).code
    Stranger.objects.create(pk=key(9), first_seen=1.0, last_seen=1.0, count=1)
    return {
        "assertion": access.add_assertion(actor=ALICE, who="nobody", scopes=["x"], allowed=False).pk,
        "invite": invite().facts.invite_id,
        "claim": taken(1, code, key(1), name="pi").pk,
        "stranger": key(9),
        "key": peers.create_api_key(actor=ALICE, description="", scopes=[]).entry.prefix,
        "grant": access.grant_access(actor=ALICE, peer_id="desk2", scopes=["y"], expires_at=time.time() + 3600).pk,
        "rule": forwarding.add_rule(actor=ALICE, action="allow", target="b").pk,
        "lock": locks.lock(actor=ALICE, target_kind="alpn", target="x", reason="").lock_id,
        "token": tokens.create_token(actor=ALICE, name="old", rights=["peers:read"]).facts.id,
    }


@pytest.mark.parametrize("name", CALLS)
def test_a_change_is_one_in_the_log(api: Caller, things: dict[str, str], name: str) -> None:
    wanted = CALLS[name]
    last = AuditEntry.objects.count()
    answer = api.call(METHODS[name], wanted.path.format(**things), wanted.body, Content_Type=wanted.kind)
    assert 200 <= answer.status_code < 300, answer.content
    rows = list(AuditEntry.objects.filter(pk__gt=last))
    assert [row.action for row in rows] == wanted.actions
    assert {(row.actor_kind, row.actor_name[:6], row.request_id) for row in rows} == {
        ("token", "tests/", answer["X-Request-ID"])
    }
    assert "sk-1" not in json.dumps([row.after for row in rows])


@pytest.mark.parametrize("role", [None, *Role])
def test_who_may_not_writes_nothing(things: dict[str, str], role: Role | None) -> None:
    """The same requests, each of which is a change where the caller has the right."""
    rights = RIGHTS_OF[role] if role else frozenset()
    caller = Caller(token_with(*rights) if role else None)
    before = written()
    for name in (one for one in CALLS if RIGHTS[one] not in rights):
        wanted = CALLS[name]
        answer = caller.call(METHODS[name], wanted.path.format(**things), wanted.body, Content_Type=wanted.kind)
        problem_of(answer, 403 if role else 401)
        assert written() == before, name


def test_what_changes_nothing_leaves_no_row(api: Caller, things: dict[str, str]) -> None:
    before = written()
    for name, method, path in CHANGE_NOTHING:
        api.call(method, path, {"peer_id": "laptop"} if name == "preview_change" else {} if method == "POST" else None)
        after = written()
        assert {table for table in after if after[table] != before[table]} <= BESIDE_THE_LOG.get(name, set()), name
        before = after
