"""The other side of the door, for commands."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from node.local_socket import ForeignServer, connect
from node.vault import SecretString

MAX_ANSWER = 16 * 1024
TIMEOUT = 60.0
"""Seconds for each step of a change: Argon2id takes some on a slow machine, and others may be before us."""

STATUS_TIMEOUT = 2.0
"""Seconds for each step of a question that waits for nothing."""


class NodeUnreachable(Exception):
    """No node of this data directory runs, or it does not answer."""

    def __init__(self, message: str = "the node is not running") -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class DoorAnswer:
    """What the node says: whether it did as asked, else why not; and how its vault stands now."""

    ok: bool
    state: str
    reason: str
    error: str
    wait: float
    """Seconds until it looks at another passphrase."""


def ask_door(
    path: Path, action: Literal["status", "unlock", "lock"], passphrase: SecretString | None = None
) -> DoorAnswer:
    """Ask the running node. Raises NodeUnreachable."""
    request: dict[str, Any] = {"do": action}
    if passphrase is not None:
        request["passphrase"] = passphrase.reveal()
    try:
        with connect(path, STATUS_TIMEOUT if action == "status" else TIMEOUT) as sock:
            sock.sendall(json.dumps(request).encode() + b"\n")
            with sock.makefile("rb") as answers:
                return _answer(json.loads(answers.readline(MAX_ANSWER)))
    except ForeignServer as error:
        raise NodeUnreachable(f"{error}, who is told nothing") from None
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NodeUnreachable from None
    except OSError as error:
        raise NodeUnreachable(f"the node does not answer: {error.strerror or 'it took too long'}") from None
    except (ValueError, RecursionError):
        raise NodeUnreachable("the node does not answer, or in no way that is understood") from None


def _answer(values: Any) -> DoorAnswer:
    """Raises ValueError."""
    if not isinstance(values, dict):
        raise ValueError("no object")
    wait = values.get("wait")
    return DoorAnswer(
        ok=values.get("ok") is True,
        state=str(values.get("state")),
        reason=str(values.get("reason")),
        error=str(values.get("error", "")),
        wait=float(wait) if isinstance(wait, int | float) else 0.0,
    )
