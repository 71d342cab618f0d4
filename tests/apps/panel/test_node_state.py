"""What the first page says of the node, whatever the node is or does."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.rights import Role
from apps.panel.node_state import LOOK_SECONDS, MAX_WAITING, NodeState, node_state
from tests.support.accounts import desk_of
from tests.support.control import Told, control_thread

SERVING: dict[str, Any] = {
    "node": {"serving": True},
    "vault": {"state": "unlocked", "identity": "derived"},
    "waiting": [],
    "connections": 1,
}
LOCKED = {**SERVING, "node": {"serving": False}, "vault": {"state": "locked"}, "waiting": ["QUIC: <no> key", "more"]}


@pytest.fixture
def told() -> Iterator[Told]:
    with control_thread(settings.PATHS.control_socket) as told:
        yield told


def test_a_node_that_serves_is_nothing_to_worry_about(told: Told, panel: Client) -> None:
    told.facts = SERVING
    assert node_state(settings.PATHS.control_socket) == NodeState(serving=True, connections=1)
    page = panel.get("/").content.decode()
    assert "alknet-node-problem" not in page
    assert "The node runs on its own and serves." in page


def test_a_locked_vault_is_told_with_what_waits(told: Told, panel: Client) -> None:
    told.facts = LOCKED
    page = panel.get("/").content.decode()
    assert "alknet vault unlock" in page
    assert "QUIC: &lt;no&gt; key" in page
    assert "<li>more</li>" in page


def test_what_waits_names_credentials_to_those_alone_who_may_see_them(told: Told, db: None) -> None:
    told.facts = {**LOCKED, "waiting": ["alknet/call goes without the credential “openai”: none is stored"]}
    page = desk_of(Role.VIEWER).get("/").content.decode()
    assert "alknet vault unlock" in page
    assert "openai" not in page
    assert "openai" in desk_of(Role.AUDITOR).get("/").content.decode()


def test_a_node_that_does_not_run_is_told(panel: Client) -> None:
    page = panel.get("/").content.decode()
    assert "The node does not run: alknet up starts it." in page


@pytest.mark.parametrize(
    "facts",
    [
        *([], "text", 7, {}, {"node": {}}, {**SERVING, "node": []}, {**SERVING, "waiting": "all"}),
        *({**SERVING, "vault": {}}, {**SERVING, "vault": {"state": 1}}, {**SERVING, "connections": "1"}),
    ],
)
def test_an_answer_of_another_shape_is_a_problem_with_a_name(told: Told, facts: Any) -> None:
    told.facts = facts
    state = node_state(settings.PATHS.control_socket)
    assert (state.down, "none that this panel understands" in state.problem) == (True, True)


def test_a_failed_status_is_a_problem_too(told: Told) -> None:
    told.failure = RuntimeError("of itself")
    assert node_state(settings.PATHS.control_socket).down


def test_only_so_many_lines_are_shown(told: Told) -> None:
    told.facts = {**LOCKED, "waiting": [f"part {number}" for number in range(1000)]}
    assert len(node_state(settings.PATHS.control_socket).waiting) == MAX_WAITING


def test_a_node_that_hangs_does_not_hold_up_the_page(tmp_path: Path) -> None:
    path = tmp_path / "node.sock"
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(path))
        hanging.listen()
        before = time.monotonic()
        state = node_state(path)
        took = time.monotonic() - before
    assert state.problem == f"the node did not answer within {LOOK_SECONDS} s"
    assert took >= LOOK_SECONDS
