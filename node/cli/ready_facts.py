"""What `alknet up` has written down of what runs here: run/ready.json, which a killed one leaves behind."""

import json
import os
from pathlib import Path
from typing import Any

from node.core.address import AddressFormatError, parse_host_port
from node.core.identity import Address

_MAX_READY = 16 * 1024
"""Bytes of the file that are read; the real one has some hundred."""


def read_ready(file: Path) -> Any:
    """Its JSON, unchecked. Raises OSError, ValueError and RecursionError."""
    with file.open("rb") as opened:
        return json.loads(opened.read(_MAX_READY))


def field(facts: Any, name: str) -> object:
    return facts.get(name) if isinstance(facts, dict) else None


def is_alive(pid: object) -> bool:
    """Whether there is a process of that number, whosever it is."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def panel_address(file: Path) -> Address | None:
    """Where the panel of a running `alknet up` listens; an option may have said so, and no setting. Else None."""
    try:
        facts = read_ready(file)
        return parse_host_port(str(field(facts, "panel_address"))) if is_alive(field(facts, "web_pid")) else None
    except (OSError, ValueError, RecursionError, AddressFormatError):
        return None
