"""Rights for a while: given exactly, through every door, and gone with their peer."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from apps.access import selectors, services
from apps.access.models import Grant
from apps.access.offers import Offer, offer
from apps.access.questions import InvalidQuestion, question
from apps.audit.models import AuditEntry
from apps.locks import services as locks
from apps.peers import services as peers
from apps.peers.portable.rows import Row
from node.core.explain import Rule
from node.core.grants import InvalidGrant
from node.core.peers import PeerEntry
from tests.support.accounts import add_user
from tests.support.panel import ALICE, draft

AddPeer = Callable[..., PeerEntry]


@pytest.fixture
def ci(add_peer: AddPeer) -> PeerEntry:
    return add_peer("ci", scopes=["git:read"], resources={"repo": ["web"]})


def give(peer_id: str = "ci", **wish: Any) -> Grant:
    wish = {"scopes": ["git:write"], "expires_at": time.time() + 3600} | wish
    return services.grant_access(actor=ALICE, peer_id=peer_id, **wish)


def rule(*scopes: str, who: str = "ci", resource: str = "") -> Rule:
    return selectors.check(
        question(who=who, scopes=scopes, resource_type="repo" if resource else "", resource=resource)
    ).rule


def test_a_grant_gives_exactly_this_until_its_end_or_until_it_is_revoked(ci: PeerEntry) -> None:
    row = give(resource_type="repo", resource="docs", reason="a release")
    assert (rule("git:write"), rule("git:read"), rule("git:admin")) == (Rule.GRANT, Rule.GRANTED, Rule.SCOPE)
    assert (rule(resource="docs"), rule(resource="web"), rule(resource="x")) == (
        Rule.GRANT,
        Rule.GRANTED,
        Rule.RESOURCE,
    )
    assert str(row).startswith("ci has git:write and repo/docs until 2")
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.object_id, entry.after["reason"]) == ("grant.given", row.pk, "a release")
    Grant.objects.update(expires_at=time.time())
    assert (rule("git:write"), rule(resource="docs")) == (Rule.SCOPE, Rule.RESOURCE)
    assert services.revoke_grants(actor=ALICE, ids=[give().pk]) == 1
    assert rule("git:write") is Rule.SCOPE


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["*"]}, "scopes"),
        ({"scopes": ["git:*"]}, "scopes"),
        ({"scopes": ["a b"]}, "scopes"),
        ({"scopes": ["git:read"]}, "scopes"),
        ({"scopes": [f"s{number}" for number in range(services.MAX_SCOPES + 1)]}, "scopes"),
        ({"resource_type": "repo"}, "resource"),
        ({"resource": "docs"}, "resource_type"),
        ({"resource_type": "repo", "resource": "*"}, "resource"),
        ({"expires_at": time.time() - 1}, "expires_at"),
        ({"expires_at": time.time() + services.MAX_GRANT + 86_400}, "expires_at"),  # collected long before it runs
        ({"expires_at": float("nan")}, "expires_at"),
        ({"reason": "two\nlines"}, "reason"),
        ({"peer_id": "nobody"}, "peer_id"),
        ({"peer_id": "off"}, "peer_id"),
        ({"peer_id": "over"}, "peer_id"),
        ({"peer_id": "held"}, "peer_id"),
    ],
)
def test_what_is_no_narrow_grant_is_refused_and_writes_nothing(
    ci: PeerEntry, add_peer: AddPeer, wish: dict[str, Any], field: str
) -> None:
    add_peer("off", enabled=False)
    for name in ("over", "held"):
        add_peer(name)
    peers.set_peer_expiry(actor=ALICE, peer_id="over", expires_at=5.0)
    locks.lock(actor=ALICE, target_kind="peer", target="held", reason="")
    before = AuditEntry.objects.count()
    with pytest.raises(InvalidGrant) as refused:
        give(**wish)
    assert list(refused.value.errors) == [field]
    assert (Grant.objects.count(), AuditEntry.objects.count()) == (0, before)


def test_no_peer_has_very_many(ci: PeerEntry) -> None:
    Grant.objects.bulk_create(
        Grant(peer_id="ci", scopes=["x"], expires_at=time.time() + 60) for _ in range(services.MAX_PER_PEER)
    )
    with pytest.raises(InvalidGrant, match="has 50 grants"):
        give()


def test_what_a_peer_had_goes_with_a_later_grant_once_it_is_long_over(ci: PeerEntry, add_peer: AddPeer) -> None:
    add_peer("other")
    now = time.time()
    long_over, lately = now - services.ENDED_KEPT - 1, now - services.ENDED_KEPT + 60
    rows = {
        who + str(end): Grant.objects.create(peer_id=who, scopes=["x"], expires_at=end)
        for who in ("ci", "other")
        for end in (long_over, lately, now + 60)
    }
    gone = rows.pop(f"ci{long_over}")
    kept = {row.pk for row in (*rows.values(), give())}
    assert set(Grant.objects.values_list("pk", flat=True)) == kept
    cleared = AuditEntry.objects.get(action="grant.cleared")
    assert (cleared.object_id, cleared.before["peer_id"], cleared.after) == (gone.pk, "ci", None)


def test_ended_grants_of_one_peer_never_pile_up(ci: PeerEntry) -> None:
    now = time.time()
    Grant.objects.bulk_create(
        Grant(peer_id="ci", scopes=["x"], expires_at=now - number) for number in range(services.MAX_PER_PEER + 5)
    )
    last = now - (services.MAX_PER_PEER - 2)
    for _ in range(2):
        given = give()
        services.revoke_grants(actor=ALICE, ids=[given.pk])
        assert Grant.objects.count() == services.MAX_PER_PEER - 1
        assert Grant.objects.order_by("expires_at")[0].expires_at == last
    assert AuditEntry.objects.filter(action="grant.cleared").count() == 6


def test_a_grant_follows_a_rename_and_goes_with_its_peer_by_every_door(ci: PeerEntry, add_peer: AddPeer) -> None:
    give()
    Grant.objects.create(peer_id="c2", scopes=["left"], expires_at=time.time() + 60)  # by whom no service knows
    peers.update_peer(actor=ALICE, peer_id="ci", changes={"peer_id": "c2"})
    assert (rule("git:write", who="c2"), rule("left", who="c2")) == (Rule.GRANT, Rule.SCOPE)
    peers.remove_peers(actor=ALICE, peer_ids=["c2"])
    assert not Grant.objects.exists()
    Grant.objects.create(peer_id="ci", scopes=["left"], expires_at=time.time() + 60)
    add_peer("ci")
    assert rule("left") is Rule.SCOPE
    give()
    peers.import_peers(actor=ALICE, rows=[Row("row 2", draft("other"))], replace=True)
    assert not Grant.objects.exists()
    assert AuditEntry.objects.filter(action="grant.removed").count() == 4


def test_assertions_are_about_what_lasts_and_about_what_nobody_may_get(ci: PeerEntry) -> None:
    services.add_assertion(actor=ALICE, who="ci", scopes=["admin"], allowed=False)
    with pytest.raises(InvalidGrant, match="It is asserted that ci must not have admin"):
        give(scopes=["admin", "git:write"])
    services.add_assertion(actor=ALICE, who="ci", scopes=["a", "b"], allowed=False)
    give(scopes=["a"])
    with pytest.raises(Exception, match="ci must not have a, b"):
        peers.update_peer(actor=ALICE, peer_id="ci", changes={"scopes": ["b"]})
    for wish in ({"allowed": True}, {"allowed": False}):  # it has it, and not for ever
        with pytest.raises(InvalidQuestion):
            services.add_assertion(actor=ALICE, who="ci", scopes=["a"], **wish)


def helps(**asked: Any) -> Offer | str:
    wanted = question(**{"who": "ci", "scopes": ["git:write"]} | asked)
    return offer(wanted, selectors.check(wanted))


def test_the_offer_is_the_narrowest_that_changes_the_answer_or_says_what_would_help(
    ci: PeerEntry, add_peer: AddPeer
) -> None:
    whole = {"scopes": ["git:read", "git:write"], "resource_type": "repo"}
    assert helps(**whole, resource="docs") == Offer("ci", ["git:write"], "repo", "docs")
    assert helps(**whole, resource="web") == Offer("ci", ["git:write"], "", "")
    assert helps(who=ci.fingerprints[0]) == Offer("ci", ["git:write"], "", "")
    assert helps(scopes=["git:read"]) == ""
    assert "no *" in str(helps(scopes=["git:*"]))
    assert "by its name" in str(helps(scopes=[], resource_type="box"))
    assert "strangers" in str(helps(who=""))
    assert "Add the peer" in str(helps(who="nobody"))
    key = peers.create_api_key(actor=ALICE, description="", scopes=[]).entry.prefix
    assert "API key" in str(helps(who=key))
    add_peer("off", enabled=False)
    assert "Enable it" in str(helps(who="off"))
    add_peer("late")
    peers.set_peer_expiry(actor=ALICE, peer_id="late", expires_at=5.0)
    assert "later end" in str(helps(who="late"))
    services.add_assertion(actor=ALICE, who="ci", scopes=["admin"], allowed=False)
    assert "It is asserted" in str(helps(scopes=["admin"]))
    held = locks.lock(actor=ALICE, target_kind="scope", target="git:read", reason="").lock_id
    assert "would not change it" in str(helps(scopes=["git:write", "git:read"]))
    locks.unlock(actor=ALICE, lock_id=held)
    locks.lock(actor=ALICE, target_kind="peer", target="ci", reason="")
    assert "does not lift a lock" in str(helps())


ASKED = {"who": "ci", "scopes": "git:read, git:write", "resource_type": "repo", "resource": "docs"}


def test_one_click_in_the_tester_grants_what_it_has_shown_and_leads_back(panel: Client, ci: PeerEntry) -> None:
    shown = panel.get("/access/", ASKED).content.decode()
    assert "<li>the scope git:write</li><li>the resource repo/docs</li>" in shown
    assert "the scope git:read" not in shown
    form = {"peer_id": "ci", "scopes": "git:write", "resource_type": "repo", "resource": "docs", "reason": "release"}
    asked = "who=ci&scopes=git%3Awrite&next=//evil.example"
    told = panel.post("/access/grant/add/", form | {"lasts": "3600", "asked": asked})
    assert told["Location"] == "/access/?who=ci&scopes=git%3Awrite"
    row = Grant.objects.get()
    assert (row.scopes, row.resource, row.reason, row.created_by) == (["git:write"], "docs", "release", "admin")
    assert 3500 < row.expires_at - time.time() <= 3600
    again = panel.get("/access/", ASKED).content.decode()
    assert "by the rule “grant”" in again
    assert "Grant exactly this" not in again
    assert "ci has git:write and repo/docs until" in panel.get("/peers/peer/ci/change/").content.decode()
    assert "git:write and repo/docs" in panel.get("/access/grant/?state=holds").content.decode()
    assert "git:write and repo/docs" not in panel.get("/access/grant/?state=ended").content.decode()
    assert "has this already" not in panel.post("/access/grant/add/", form | {"lasts": "3600"}).content.decode()
    assert "no *" in panel.post("/access/grant/add/", form | {"lasts": "86400", "scopes": "*"}).content.decode()
    panel.post(f"/access/grant/{row.pk}/delete/", {"post": "yes"})
    assert not Grant.objects.filter(pk=row.pk).exists()


def test_whoever_may_only_look_is_offered_nothing(ci: PeerEntry, client: Client) -> None:
    from apps.accounts.rights import Role

    client.force_login(add_user(Role.VIEWER))
    shown = client.get("/access/", ASKED).content.decode()
    assert "Refused" in shown
    assert "Grant exactly this" not in shown
    assert client.post("/access/grant/add/", {}).status_code == 403


def test_the_command_grants_lists_and_revokes(ci: PeerEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(action: str, **values: Any) -> dict[str, Any]:
        body = {"action": action, "actor": "cli:ann", "values": values}
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(json.dumps(body).encode())))
        out = StringIO()
        with suppress(SystemExit):
            call_command("access", stdout=out)
        answer: dict[str, Any] = json.loads(out.getvalue())
        return answer

    made = ask("grant", peer_id="ci", scopes=["git:write"], seconds=60)["result"]
    assert ask("grants")["result"] == [made]
    assert "expires_at" in ask("grant", peer_id="ci", scopes=["x"])["fields"]
    assert "scopes" in ask("grant", peer_id="ci", scopes=["*"], seconds=60)["fields"]
    assert ask("revoke", id=made["id"])["result"] == {"removed": 1}
    assert "There is no grant" in ask("revoke", id=made["id"])["error"]
