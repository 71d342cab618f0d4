"""How the node is at this moment, as its control socket tells it: down, locked, waiting or serving."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.control.client import ControlClient, ControlRefused, NodeUnreachable

LOOK_SECONDS = 0.8
"""How long a page waits for the node."""
MAX_WAITING = 10
"""Lines of what waits that a page shows."""
NOT_UNDERSTOOD = "the node's answer is none that this panel understands; both are of one version after a restart"


@dataclass(frozen=True, slots=True)
class NodeState:
    """`serving`: it takes connections. `locked`: its vault holds back what `waiting` names, or all of the node.

    A node that is down, or that gave no usable answer, has a `problem` and nothing else.
    """

    problem: str = ""
    serving: bool = False
    locked: bool = False
    connections: int = 0
    waiting: tuple[str, ...] = ()

    @property
    def down(self) -> bool:
        return bool(self.problem)


def node_state(control_socket: Path) -> NodeState:
    """Ask, for LOOK_SECONDS at most. Raises nothing: what is wrong is part of the answer."""
    try:
        with ControlClient(control_socket, timeout=LOOK_SECONDS) as node:
            return _state(node.call("node/status"))
    except NodeUnreachable as error:
        return NodeState(problem=str(error))
    except (ControlRefused, KeyError, TypeError):
        return NodeState(problem=NOT_UNDERSTOOD)


def _state(facts: Any) -> NodeState:
    """Raises KeyError and TypeError where the answer is of another shape (docs/control.md)."""
    serving, vault, waiting = facts["node"]["serving"], facts["vault"]["state"], facts["waiting"]
    connections = facts["connections"]
    if not (isinstance(waiting, list) and isinstance(connections, int) and isinstance(vault, str)):
        raise TypeError
    shown = tuple(str(line) for line in waiting[:MAX_WAITING])
    return NodeState(serving=serving is True, locked=vault == "locked", connections=connections, waiting=shown)
