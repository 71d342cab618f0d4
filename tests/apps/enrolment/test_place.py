"""Where a code leads to, and by which key: the node says so."""

from typing import Any

import pytest
from django.conf import settings

from apps.enrolment import place
from apps.enrolment.errors import InvalidInvite, NodeUnavailable
from apps.enrolment.place import node_place
from tests.support.control import control_thread
from tests.support.enrolment import NODE


def told(listen: str, address: str) -> dict[str, Any]:
    return {"node": {"listen": listen, "address": address, "fingerprint": NODE}}


@pytest.mark.parametrize(
    ("listen", "given", "browser", "host"),
    [
        ("192.0.2.9:4433", "", "panel.example", "192.0.2.9:4433"),
        ("0.0.0.0:4433", "", "panel.example:8000", "panel.example:4433"),
        ("[::]:4433", "", "[2001:db8::5]:8000", "[2001:db8::5]:4433"),
        ("0.0.0.0:4433", "", "localhost:8000", "192.0.2.77:4433"),
        ("0.0.0.0:4433", "node.example", "panel.example", "node.example:4433"),
        ("0.0.0.0:4433", "node.example:5000", "", "node.example:5000"),
    ],
)
def test_the_address_is_one_that_another_machine_reaches(
    monkeypatch: pytest.MonkeyPatch, listen: str, given: str, browser: str, host: str
) -> None:
    monkeypatch.setattr(place, "_own", lambda: "192.0.2.77")
    with control_thread(settings.PATHS.control_socket) as node:
        node.facts = told(listen, listen)
        assert node_place(given, browser) == (host, NODE)
        with pytest.raises(InvalidInvite):
            node_place("node.example:99999")


def test_without_a_node_nothing_is_known() -> None:
    with pytest.raises(NodeUnavailable):
        node_place()
    with control_thread(settings.PATHS.control_socket) as node:
        node.facts = {"node": {"listen": "a:1", "address": None, "fingerprint": None}}
        with pytest.raises(NodeUnavailable):
            node_place()
