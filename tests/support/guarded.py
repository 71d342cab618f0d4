"""An installed package whose operations ask something of their callers, and clients that try every one of them."""

from pathlib import Path
from typing import Any

from node.client.call import CallClient
from node.handlers.call.errors import CallError

OPERATIONS = {
    "guarded/anybody": {},
    "guarded/read": {"scopes": ["git:read"]},
    "guarded/write": {"scopes": ["git:write"]},
    "guarded/both": {"scopes": ["git:read", "git:write"]},
    "guarded/web": {"resource_type": "repo", "resource": "web"},
    "guarded/docs": {"scopes": ["git:read"], "resource_type": "repo", "resource": "docs"},
    "guarded/kind": {"resource_type": "repo"},
}
"""What each asks for, as the access tester is asked."""

_CODE = """
from collections.abc import AsyncIterator
import asyncio
from node.core.access import AccessControl
from node.handlers.call.operation import Operation, OperationType

ASKED = {asked!r}

async def run(_, __):
    return "done"

async def go_on(_, __):
    while True:
        yield "on"
        await asyncio.sleep(0.05)

def control(scopes=(), resource_type=None, resource=None):
    return AccessControl(tuple(scopes), None, resource_type, resource)

operations = [Operation(name, run, access=control(**what)) for name, what in ASKED.items()]
operations.append(Operation("guarded/stream", go_on, OperationType.SUBSCRIPTION, access=control(["git:write"])))
"""


def install(folder: Path) -> str:
    """Make the package in `folder`, which is to be on PYTHONPATH, and give that."""
    folder.mkdir()
    (folder / "guarded_operations.py").write_text(_CODE.format(asked=OPERATIONS))
    about = folder / "guarded-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: guarded\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[alknet.operations]\nguarded = guarded_operations:operations\n")
    return str(folder)


async def tried(client: CallClient) -> dict[str, bool]:
    """Which of them the node lets this client do."""
    return {name: await _allowed(client, name) for name in OPERATIONS}


async def _allowed(client: CallClient, name: str) -> bool:
    try:
        found: Any = await client.call(name)
    except CallError as error:
        if error.code != "FORBIDDEN":
            raise
        return False
    return bool(found == "done")
