"""How many queries each list takes: a number that is written down, and that more rows do not raise."""

import time
from datetime import UTC, datetime

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.access import services as access
from apps.activity.models import Connection, Event
from apps.credentials import services as credentials
from apps.enrolment.models import Stranger
from apps.locks import services as locks
from apps.panel.models import SavedFilter
from apps.peers import services as peers
from apps.tokens import services as tokens
from tests.support.credentials import blob
from tests.support.enrolment import invite, key, taken
from tests.support.panel import ALICE, draft

FEW, MANY = 26, 40  # more than a page of peers, whose names are sorted first
BUDGETS = {
    "/peers/peer/": 8,
    "/peers/peer/?q=peer": 8,
    "/peers/peer/?connected=not&locked=no&token=none&enabled__exact=1&scope=x": 8,
    "/peers/peer/?o=-8": 8,
    "/peers/apikey/": 6,
    "/credentials/credential/": 7,
    "/locks/lock/": 7,
    "/access/grant/": 6,
    "/access/assertion/": 10,
    "/audit/auditentry/": 11,
    "/activity/event/": 7,
    "/activity/connection/": 4,
    "/panel/savedfilter/": 6,
    "/tokens/apitoken/": 6,
    "/enrolment/claim/": 7,
    "/enrolment/invite/": 6,
    "/enrolment/stranger/": 6,
    "/backups/backup/": 7,
    "/auth/user/": 6,
}
"""Queries of each page, those for the session, the user and the side bar among them."""


def fill(numbers: range) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in numbers:
        name = f"peer-{number}"
        peers.create_peer(actor=ALICE, draft=draft(name, scopes=["x"]))
        peers.create_api_key(actor=ALICE, description=name, scopes=["x"])
        credentials.put_credential(actor=ALICE, provider=name, blob=blob(number))
        access.grant_access(actor=ALICE, peer_id=name, scopes=["y"], expires_at=time.time() + 60)
        access.add_assertion(actor=ALICE, who=name, scopes=["x"])
        access.add_assertion(actor=ALICE, who=name, scopes=["z"], allowed=False)
        locks.lock(actor=ALICE, target_kind="scope", target=f"s{number}", reason="")
        Event.objects.create(journal="j", number=number, at=at, boot="b", kind="connected", peer_id=name)
        Connection.objects.create(boot="b", connection=number, peer_id=name, since=at)
        SavedFilter.objects.create(list_name="peer", name=name, query=f"q={number}")
        tokens.create_token(actor=ALICE, name=name, rights=["peers:read"])
        code = invite(needs_approval=True).code
        taken(number + 1, code, key(number), name=name)
        Stranger.objects.create(pk=key(number), first_seen=1.0, last_seen=1.0, count=1)


def asked(panel: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert panel.get(path).status_code == 200
    return len(queries)


def test_every_list_keeps_to_its_budget_however_many_there_are(panel: Client) -> None:
    fill(range(FEW))
    few = {path: asked(panel, path) for path in BUDGETS}
    fill(range(FEW, MANY))
    many = {path: asked(panel, path) for path in BUDGETS}

    assert many == few
    assert few == BUDGETS
