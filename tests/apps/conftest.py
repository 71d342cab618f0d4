from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from apps.peers import services
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, draft
from tests.support.vault_node import VaultNode


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


@pytest.fixture(scope="module")
def _running_node() -> Iterator[VaultNode]:
    node = VaultNode(settings.PATHS.control_socket)
    yield node
    node.end()


@pytest.fixture
def node(_running_node: VaultNode) -> VaultNode:
    """A node that seals and signs, with its vault unlocked."""
    _running_node.tell("unlock")
    return _running_node
