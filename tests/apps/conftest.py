from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.peers import services
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, draft


@pytest.fixture
def add_peer(db: None) -> Callable[..., PeerEntry]:
    """Add a peer with one key of its own, by the services."""

    def add(peer_id: str, **fields: Any) -> PeerEntry:
        return services.create_peer(actor=ALICE, draft=draft(peer_id, **fields))

    return add


@pytest.fixture
def forget_audit(db: None) -> Callable[[], None]:
    """Forget the audit rows of a test's preparations."""
    from apps.audit.guards import without_guards
    from apps.audit.models import AuditEntry

    def forget() -> None:
        with without_guards():
            AuditEntry.objects.all().delete()

    return forget


@pytest.fixture
def panel(admin_client: Client, forget_audit: Callable[[], None]) -> Client:
    """The panel, signed in as the administrator “admin”. An error of a view fails the test."""
    forget_audit()
    return admin_client
