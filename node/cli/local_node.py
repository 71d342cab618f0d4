"""The node that runs on this machine for a data directory, as commands reach it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from node.cli.load import settings_or_fail
from node.cli.options import fail
from node.control.client import ControlClient, ControlError, ControlRefused, NodeUnreachable


@contextmanager
def running_node(data: Path | None, config: Path | None) -> Iterator[ControlClient]:
    """A client of the node of this data directory, whether or not it runs."""
    with ControlClient(settings_or_fail(data, config).settings.paths.control_socket) as node:
        yield node


def ask(node: ControlClient, operation: str, value: Any = None) -> Any:
    """The output of one operation, or the end of the command with the reason."""
    try:
        return node.call(operation, value)
    except ControlError as error:
        fail(told(error))


def told(error: ControlError) -> str:
    """The error as people read it."""
    match error:
        case ControlRefused(message=message):
            return f"the node refuses: {message}"
        case NodeUnreachable():
            return str(error)
        case _:
            return f"the node cannot be asked: {error}"
