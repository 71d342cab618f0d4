"""What the page of a peer fetches anew while it is open."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse


def test_the_part_that_a_peers_page_fetches_is_there(panel: Client, add_peer: Callable[..., Any]) -> None:
    add_peer("ann")
    answer = panel.get(reverse("admin:activity_connection_of_peer"), {"peer": "ann"})
    assert answer.status_code == 200
    assert "Never seen" in answer.content.decode()
