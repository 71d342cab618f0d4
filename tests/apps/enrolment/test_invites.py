"""Invitations: made, listed and revoked, with one audit row each and never the code."""

import json
import time
from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.audit.models import AuditEntry
from apps.enrolment import selectors, services
from apps.enrolment.errors import Absent, InvalidInvite
from apps.enrolment.models import Invite
from apps.enrolment.selectors import InviteState
from node.core.enrolment.code import parse_code
from node.core.enrolment.derived import code_hash
from tests.support.enrolment import NODE, invite
from tests.support.panel import ALICE, audit, notification_listener

pytestmark = pytest.mark.django_db


def test_an_invitation_is_a_row_an_audit_row_and_a_notification_without_its_code() -> None:
    heard = notification_listener()
    made = invite(peer_id="laptop", scopes=["call:echo"], resources={"repo": ["web"]}, note="for Ann")
    row = Invite.objects.get()
    assert row.code_hash == code_hash(parse_code(made.code.text()).secret)
    assert (made.code.address, made.code.fingerprint) == ("node.example:4433", NODE)
    assert (row.uses, row.uses_left, row.needs_approval, row.created_by) == (1, 1, False, "alice (shell)")
    assert row.expires_at == pytest.approx(time.time() + services.invites.USUAL, abs=60)
    [(channel, payload)] = heard()
    assert (channel, payload["op"], payload["id"]) == ("invites_changed", "insert", row.pk)
    assert audit()[-1] == ("alice", "invite.made", row.pk)
    assert AuditEntry.objects.latest("id").after["scopes"] == ["call:echo"]
    everything = json.dumps(list(connection.cursor().execute("SELECT * FROM audit_auditentry")), default=str)
    assert row.code_hash not in everything
    assert made.code.secret.hex() not in everything + repr(made)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"seconds": 59}, "seconds"),
        ({"seconds": 31 * 86_400}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"uses": 0}, "uses"),
        ({"uses": 1001}, "uses"),
        ({"uses": 2, "peer_id": "laptop"}, "peer_id"),
        ({"peer_id": " laptop"}, "peer_id"),
        ({"scopes": ["a b"]}, "scopes"),
        ({"resources": {"repo": "web"}}, "resources"),
        ({"note": "two\nlines"}, "note"),
        ({"peer_seconds": 59}, "peer_seconds"),
        ({"peer_seconds": float("inf")}, "peer_seconds"),
        ({"peer_seconds": True}, "peer_seconds"),
        ({"peer_seconds": 3600, "peer_expires_at": 9e9}, "peer_seconds"),
        ({"peer_expires_at": "soon"}, "peer_expires_at"),
        ({"peer_expires_at": 1e12}, "peer_expires_at"),
        ({"peer_expires_at": 1.0}, "peer_expires_at"),
        ({"needs_approval": "no"}, "needs_approval"),
        ({"address": "node.example"}, "address"),
        ({"node": f"SHA256:{1:064x}"}, "address"),
    ],
)
def test_what_is_wrong_is_refused_and_leaves_nothing(wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInvite) as refused:
        invite(**wish)
    assert list(refused.value.errors) == [field]
    assert (Invite.objects.count(), audit()) == (0, [])


def test_a_name_that_is_taken_is_refused(add_peer: Any) -> None:
    add_peer("laptop")
    with pytest.raises(InvalidInvite, match="There is a peer “laptop” already"):
        invite(peer_id="laptop")


def test_a_revoked_one_has_no_use_left_and_stays_revoked() -> None:
    made = invite(uses=3).facts
    assert services.revoke_invite(actor=ALICE, invite_id=made.invite_id).state is InviteState.REVOKED
    assert services.revoke_invite(actor=ALICE, invite_id=made.invite_id).uses_left == 0
    assert [action for _, action, _ in audit()] == ["invite.made", "invite.revoked"]
    with pytest.raises(Absent):
        services.revoke_invite(actor=ALICE, invite_id="nobody")


def test_its_state_follows_the_clock() -> None:
    made = invite().facts
    Invite.objects.update(expires_at=time.time() - 1)
    assert selectors.find_invite(made.invite_id).state is InviteState.OVER
    assert selectors.count_open() == 0


def test_the_database_refuses_fewer_uses_than_none_and_more_than_all() -> None:
    invite()
    for wrong in ({"uses_left": -1}, {"uses_left": 2}, {"revoked_at": 1.0}):
        with pytest.raises(IntegrityError):
            from django.db import transaction

            with transaction.atomic():
                Invite.objects.update(**wrong)


def test_there_are_not_more_than_the_node_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.invites, "MAX_OPEN", 1)
    invite()
    with pytest.raises(InvalidInvite, match="revoke some"):
        invite()
