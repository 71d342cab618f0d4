"""The audit log: written in the change's transaction, read in the panel, changed by nobody there."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.actors import Actor, ActorKind
from apps.audit.models import AuditEntry
from apps.audit.services import Change, NotInTransaction, record
from apps.peers import services
from tests.support.panel import ALICE, draft


@pytest.mark.django_db(transaction=True)
def test_a_row_outside_of_a_transaction_is_refused() -> None:
    with pytest.raises(NotInTransaction):
        record(actor=ALICE, changes=[Change("peer.added", "peer", "a")])
    assert not AuditEntry.objects.exists()


def test_every_request_has_an_id_of_its_own_that_its_rows_carry(panel: Client) -> None:
    first = panel.post("/peers/peer/add/", {"peer_id": "a"}, headers={"X-Request-ID": "chosen by the client"})
    second = panel.post("/peers/peer/add/", {"peer_id": "b"})

    ids = list(AuditEntry.objects.order_by("id").values_list("request_id", flat=True))
    assert ids == [first["X-Request-ID"], second["X-Request-ID"]]
    assert len({uuid.UUID(text) for text in ids}) == 2


def test_outside_of_a_request_there_is_no_id(db: None) -> None:
    services.create_peer(actor=ALICE, draft=draft("a"))
    assert AuditEntry.objects.get().request_id == ""


def test_the_panel_shows_entries_and_changes_none(panel: Client) -> None:
    services.create_peer(actor=ALICE, draft=draft("laptop", scopes=["<script>"]))
    entry = AuditEntry.objects.get()
    change = reverse("admin:audit_auditentry_change", args=[entry.pk])

    assert "laptop" in panel.get("/audit/auditentry/").content.decode()
    page = panel.get(change).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page.split("<main")[-1].replace("<script src", "")
    assert panel.post(change, {"actor_name": "mallory"}).status_code == 403
    assert panel.post(reverse("admin:audit_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    assert panel.get(reverse("admin:audit_auditentry_add")).status_code == 403
    panel.post("/audit/auditentry/", {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.get() == entry


def test_an_actor_reads_well() -> None:
    assert str(Actor(ActorKind.USER, "alice")) == "alice"
    assert str(ALICE) == "alice (cli)"
