"""Claims: each is taken once, takes one use, and comes to one outcome."""

import time
from typing import Any

import pytest
from django.db import connection

from apps.audit.models import AuditEntry
from apps.enrolment import services
from apps.enrolment.errors import Absent, Conflict
from apps.enrolment.models import Claim, InboxPosition, Invite
from apps.peers import selectors as peers
from apps.peers import services as peer_services
from node.core.peers import InvalidPeer
from tests.support.enrolment import INBOX, arrived, invite, key, states, taken
from tests.support.panel import ALICE, audit, notification_listener

pytestmark = pytest.mark.django_db


def test_a_claim_admits_at_once_where_the_invitation_says_so() -> None:
    made = invite(peer_id="laptop", scopes=["call:echo"], resources={"repo": ["web"]})
    heard = notification_listener()
    claim = taken(5, made.code, key(1), name="ignored")
    entry = peers.get_peer("laptop")
    assert (claim.state, claim.peer_id, claim.decided_by) == ("admitted", "laptop", f"invite {claim.invite_id} (node)")
    assert (entry.fingerprints, entry.scopes, entry.resources) == ((key(1),), ("call:echo",), {"repo": ("web",)})
    assert (Invite.objects.get().uses_left, InboxPosition.objects.get().number) == (0, 5)
    assert [action for _, action, _ in audit()] == ["invite.made", "peer.enrolled"]
    through = AuditEntry.objects.latest("id").after["through"]
    assert through == {"invite": claim.invite_id, "claim": claim.pk, "sas": "111 222 333", "address": "192.0.2.7"}
    channels = [channel for channel, _ in heard()]
    assert sorted(set(channels)) == ["claims_changed", "invites_changed", "peers_changed"]


def test_peers_end_as_their_invitation_says() -> None:
    at = taken(1, invite(peer_id="a", peer_expires_at=9e9).code, key(1)).peer_id
    after = taken(2, invite(peer_id="b", peer_seconds=3600).code, key(2)).peer_id
    waits = taken(3, invite(peer_id="c", peer_seconds=86_400, needs_approval=True).code, key(3))
    Claim.objects.filter(pk=waits.pk).update(at=1.0)
    services.approve(actor=ALICE, claim_id=waits.pk, sas=waits.sas)
    taken(4, invite(peer_id="d").code, key(4))
    ends = [state.terms.expires_at for state in peers.get_states([at, after, "c", "d"])]
    now = time.time()
    assert ends == [9e9, pytest.approx(now + 3600, abs=60), pytest.approx(now + 86_400, abs=60), None]
    assert AuditEntry.objects.get(action="peer.enrolled", object_id="a").after["expires_at"] == 9e9


def test_the_same_number_is_taken_once_and_the_same_claim_is_one() -> None:
    made = invite(uses=2, needs_approval=True)
    first = taken(5, made.code, key(1), name="pi")
    assert services.take(INBOX, 5, arrived(made.code, key(2))) is None
    again = taken(6, made.code, key(1), sas="444 555 666")
    assert (first.asked, again.asked, again.sas, again.number) == (1, 2, "444 555 666", 6)
    assert (Claim.objects.count(), Invite.objects.get().uses_left) == (1, 1)
    assert services.take("another inbox", 1, arrived(made.code, key(1))) is not None, "a replaced file begins anew"
    assert Invite.objects.get().uses_left == 1


def test_what_was_decided_stays_whatever_is_asked_again() -> None:
    made = invite(peer_id="laptop")
    taken(1, made.code, key(1))
    peer_services.remove_peers(actor=ALICE, peer_ids=["laptop"])
    again = taken(2, made.code, key(1), sas="444 555 666")
    assert (again.state, again.sas, again.number) == ("admitted", "111 222 333", 2)
    assert peers.find_peer("laptop") is None


def test_a_code_lets_in_as_many_as_it_has_uses() -> None:
    made = invite(uses=2)
    claims = [taken(number, made.code, key(number), name=f"pi-{number}") for number in (1, 2, 3)]
    assert states(claims) == ["admitted", "admitted", "refused"]
    assert Invite.objects.get().uses_left == 0
    assert len(peers.list_peers()) == 2


@pytest.mark.parametrize("over", ["expired", "revoked", "unknown"])
def test_a_code_that_is_good_no_more_is_refused_and_makes_nobody(over: str) -> None:
    made = invite(peer_id="laptop")
    if over == "expired":
        Invite.objects.update(expires_at=time.time() - 1)
    elif over == "revoked":
        services.revoke_invite(actor=ALICE, invite_id=made.facts.invite_id)
    else:
        Invite.objects.all().delete()
    assert taken(1, made.code, key(1)).state == "refused"
    assert peers.list_peers() == []


def test_a_claim_that_was_made_in_time_is_good_though_nobody_took_it_for_long() -> None:
    made = invite(peer_id="laptop", seconds=60)
    Invite.objects.update(expires_at=time.time() - 10)
    assert taken(1, made.code, key(1), at=time.time() - 20).state == "admitted"


@pytest.mark.parametrize(
    ("name", "why"),
    [("laptop", "There is a peer “laptop” already."), ("", "Nobody said how the peer is to be called.")],
)
def test_no_claim_takes_over_a_peer(add_peer: Any, name: str, why: str) -> None:
    before = add_peer("laptop")
    claim = taken(1, invite().code, key(99), name=name)
    assert (claim.state, claim.why) == ("queued", why)
    assert peers.get_peer("laptop") == before
    with pytest.raises(InvalidPeer):
        services.approve(actor=ALICE, claim_id=claim.pk, sas=claim.sas, peer_id="laptop")
    assert services.approve(actor=ALICE, claim_id=claim.pk, sas=claim.sas, peer_id="desk").peer_id == "desk"


def test_a_key_that_is_a_peers_is_refused_disabled_or_not(add_peer: Any) -> None:
    entry = add_peer("laptop")
    peer_services.set_peers_enabled(actor=ALICE, peer_ids=["laptop"], enabled=False)
    claim = taken(1, invite(peer_id="desk").code, entry.fingerprints[0])
    assert (claim.state, Invite.objects.get().uses_left) == ("refused", 1)
    assert peers.find_peer("desk") is None


def test_a_name_from_outside_that_is_none_is_dropped() -> None:
    assert taken(1, invite().code, key(1), name="<b>\n").name == ""


def test_approval_gives_what_the_invitation_says_unless_something_else_is_said() -> None:
    made = invite(uses=2, needs_approval=True, scopes=["a"], resources={"repo": ["web"]})
    one, two = (taken(number, made.code, key(number), name=f"pi-{number}") for number in (1, 2))
    services.approve(actor=ALICE, claim_id=one.pk, sas=one.sas)
    services.approve(actor=ALICE, claim_id=two.pk, sas=two.sas, scopes=["b"], resources={})
    assert (peers.get_peer("pi-1").scopes, peers.get_peer("pi-2").scopes) == (("a",), ("b",))
    assert (peers.get_peer("pi-1").resources, peers.get_peer("pi-2").resources) == ({"repo": ("web",)}, {})
    assert [action for _, action, _ in audit()].count("peer.enrolled") == 2


def test_an_approval_holds_for_the_digits_that_were_looked_at() -> None:
    made = invite(peer_id="laptop", needs_approval=True)
    seen = taken(1, made.code, key(1))
    taken(2, made.code, key(1), sas="444 555 666")
    with pytest.raises(Conflict, match="made anew"):
        services.approve(actor=ALICE, claim_id=seen.pk, sas=seen.sas)
    assert services.approve(actor=ALICE, claim_id=seen.pk, sas="444 555 666").state == "admitted"


def test_what_is_decided_is_decided_once() -> None:
    made = invite(peer_id="laptop", needs_approval=True)
    claim = taken(1, made.code, key(1))
    services.refuse(actor=ALICE, claim_id=claim.pk)
    for decide in (services.refuse, lambda **who: services.approve(sas=claim.sas, **who)):
        with pytest.raises(Conflict, match="decided already: refused"):
            decide(actor=ALICE, claim_id=claim.pk)
    with pytest.raises(Absent):
        services.refuse(actor=ALICE, claim_id="nobody")
    assert (peers.find_peer("laptop"), Invite.objects.get().uses_left) == (None, 0)
    assert [action for _, action, _ in audit()] == ["invite.made", "claim.queued", "claim.refused"]


def test_a_claim_can_be_made_anew_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.inbox, "MOST_ASKED", 2)
    made = invite(peer_id="laptop", needs_approval=True)
    found = [taken(number, made.code, key(1), sas=f"000 000 00{number}") for number in (1, 2, 3)]
    assert [claim.sas[-1] for claim in found] == ["1", "2", "2"]


def test_a_peer_that_is_renamed_is_told_its_name_of_now() -> None:
    taken(1, invite(peer_id="laptop").code, key(1))
    peer_services.update_peer(actor=ALICE, peer_id="laptop", changes={"peer_id": "desk"})
    assert Claim.objects.get().peer_id == "desk"


def test_what_is_over_goes_by_itself_and_what_waits_too_long_is_declined() -> None:
    day = services.tidying.DAY
    made = invite(uses=3, needs_approval=True)
    for number in (1, 2):
        taken(number, made.code, key(number), name="pi")
    services.refuse(actor=ALICE, claim_id=Claim.objects.get(number=2).pk)
    services.tidy(time.time() + 15 * day)
    assert states(list(Claim.objects.order_by("number"))) == ["refused", "refused"]
    assert audit()[-1][1] == "claim.given_up"
    services.tidy(time.time() + 31 * day)
    assert (Claim.objects.count(), Invite.objects.count()) == (0, 1)
    services.tidy(time.time() + 92 * day)
    assert Invite.objects.count() == 0


def test_an_admission_that_fails_leaves_the_inbox_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    made = invite(peer_id="laptop")
    monkeypatch.setattr("apps.enrolment.services.admission.settle", _break)
    with pytest.raises(RuntimeError):
        services.take(INBOX, 1, arrived(made.code, key(1)))
    monkeypatch.undo()
    assert (services.position_of(INBOX), peers.find_peer("laptop"), Invite.objects.get().uses_left) == (0, None, 1)
    assert not connection.needs_rollback
    assert taken(1, made.code, key(1)).state == "admitted"


def _break(*_: Any, **__: Any) -> None:
    raise RuntimeError("broken")


def test_what_the_rules_of_peers_refuse_waits_for_somebody_and_holds_up_no_other_claim() -> None:
    made = invite(peer_id="laptop")
    Invite.objects.update(scopes=["two words"])
    claim = taken(1, made.code, key(1))
    assert (claim.state, Invite.objects.get().uses_left, peers.find_peer("laptop")) == ("queued", 0, None)
    assert "scope" in claim.why
    assert services.approve(actor=ALICE, claim_id=claim.pk, sas=claim.sas, scopes=[]).state == "admitted"
