"""The node is down: everything says so in a sentence, what needs no node works, and nothing is half saved."""

import pytest

from apps.credentials import selectors, services
from apps.credentials.errors import NodeUnavailable
from apps.credentials.sealing import DOWN, obstacle
from node.core.capabilities import Secret
from tests.support.credentials import insert, stored
from tests.support.panel import ALICE, audit

pytestmark = pytest.mark.django_db


def test_nothing_can_be_sealed_and_nothing_is_stored() -> None:
    assert obstacle() == DOWN
    with pytest.raises(NodeUnavailable, match="alknet up"):
        services.set_credential(actor=ALICE, provider="openai", content=Secret("sk-canary"))
    assert (stored(), audit()) == ({}, [])


def test_a_rotation_stops_before_it_has_changed_anything() -> None:
    insert("a")
    before = stored()
    with pytest.raises(NodeUnavailable):
        list(services.rotate_credentials(actor=ALICE, plan=services.plan_rotation()))
    assert (stored(), audit()) == (before, [])


def test_to_list_and_to_remove_needs_no_node() -> None:
    insert("a")
    assert [facts.provider for facts in selectors.list_credentials()] == ["a"]
    services.remove_credentials(actor=ALICE, providers=["a"])
    assert stored() == {}
