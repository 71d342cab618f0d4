"""Keys that nobody knows: out of the journal, exactly once, bounded, and to be admitted or dismissed."""

from typing import Any

import pytest

from apps.enrolment import selectors, services
from apps.enrolment.errors import Absent
from apps.enrolment.models import Stranger
from apps.peers import selectors as peers
from node.core.peers import InvalidPeer
from tests.support.enrolment import key
from tests.support.panel import ALICE, audit

pytestmark = pytest.mark.django_db


def shown() -> list[str]:
    return [row.pk for row, _ in selectors.strangers("", 100).rows]


def meet(*events: dict[str, Any]) -> None:
    from apps.activity.services import import_batch
    from node.journal.schema import Record

    usual = {"at": 1000.0, "boot": "b", "kind": "connected", "connection": None, "peer_id": None, "fingerprint": key(1)}
    usual |= {"alpn": "alknet/call", "address": "192.0.2.7:5000", "reason": "", "detail": {}}
    records = [Record(**usual | {"number": number} | event) for number, event in enumerate(events, _next())]
    assert len(import_batch("journal", records, oldest=1)) == len(records)
    assert import_batch("journal", records, oldest=1) == []


def _next() -> int:
    from apps.activity.services import position_of

    return position_of("journal") + 1


def test_who_came_as_nobody_or_was_refused_is_noted_once() -> None:
    meet({}, {"at": 1005.0, "kind": "refused", "reason": "no handler", "alpn": "x", "address": "[2001:db8::1]:7"})
    row = Stranger.objects.get()
    assert (row.count, row.first_seen, row.last_seen) == (2, 1000.0, 1005.0)
    assert (row.address, row.alpn, row.how) == ("2001:db8::1", "x", "no handler")
    meet({"at": 1010.0})
    assert (Stranger.objects.get().count, Stranger.objects.get().how) == (3, "")


def test_peers_and_machines_without_a_key_and_joiners_are_no_strangers() -> None:
    meet(
        {"peer_id": "ann"},
        {"fingerprint": None},
        {"kind": "closed"},
        {"alpn": "alknet/register"},
        {"fingerprint": "junk"},
    )
    assert Stranger.objects.count() == 0
    meet({"alpn": "alknet/register", "kind": "refused", "reason": "a code that is not accepted"})
    assert Stranger.objects.get().how == "a code that is not accepted"


def test_whoever_makes_up_keys_pushes_out_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("MAX_OF_ADDRESS", 3), ("MAX_SHOWN", 5), ("MAX_NEW", 4)):
        monkeypatch.setattr(services.strangers, name, most)
    meet({"fingerprint": key(1), "address": "192.0.2.1:1", "at": 1.0})
    for batch in range(3):
        meet(*({"fingerprint": key(100 + 10 * batch + n), "at": 2.0 + batch} for n in range(9)))
    assert Stranger.objects.filter(address="192.0.2.7").count() == 3
    assert key(1) in shown()
    meet(*({"fingerprint": key(200 + n), "address": f"192.0.2.{20 + n}:1", "at": 9.0} for n in range(4)))
    assert (len(shown()), key(1) in shown()) == (5, False), "the one that was seen longest ago goes first"


def test_whoever_has_a_network_of_ipv6_pushes_out_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.strangers, "MAX_OF_ADDRESS", 3)
    meet({"address": "[2001:db8:0:1::1]:1", "at": 1.0})
    meet(*({"fingerprint": key(100 + n), "address": f"[2001:db8::{n:x}]:1", "at": 2.0 + n} for n in range(9)))
    assert shown() == [key(108), key(107), key(106), key(1)]


def test_one_click_makes_a_peer_and_the_key_is_no_strangers_any_more() -> None:
    meet({})
    services.admit_stranger(actor=ALICE, fingerprint=key(1), peer_id="desk", scopes=["a"])
    assert (peers.get_peer("desk").fingerprints, peers.get_peer("desk").scopes) == ((key(1),), ("a",))
    assert (shown(), audit()) == ([], [("alice", "peer.enrolled", "desk")])
    with pytest.raises(Absent):
        services.admit_stranger(actor=ALICE, fingerprint=key(1), peer_id="desk-2")


def test_no_admission_takes_over_a_peer(add_peer: Any) -> None:
    entry = add_peer("laptop")
    meet({}, {"fingerprint": entry.fingerprints[0]})
    with pytest.raises(InvalidPeer):
        services.admit_stranger(actor=ALICE, fingerprint=key(1), peer_id="laptop")
    with pytest.raises(InvalidPeer):
        services.admit_stranger(actor=ALICE, fingerprint=entry.fingerprints[0], peer_id="other")
    assert {row.pk: holder for row, holder in selectors.strangers("", 9).rows}[entry.fingerprints[0]] == "laptop"


def test_a_dismissed_key_stays_away_for_its_time_or_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    meet({}, {"fingerprint": key(2)})
    services.dismiss_stranger(actor=ALICE, fingerprint=key(1), seconds=60)
    services.dismiss_stranger(actor=ALICE, fingerprint=key(2))
    meet({}, {"fingerprint": key(2)})
    assert shown() == []
    now = services.strangers.time.time()
    monkeypatch.setattr(selectors.time, "time", lambda: now + 61)
    assert shown() == [key(1)]
    assert [action for _, action, _ in audit()] == ["stranger.dismissed", "stranger.dismissed"]
