"""`alknet ops` against a running node, and against nodes that answer oddly."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.cli.ops import specs_of
from node.client.call import CallClient
from node.core.identity import AuthContext
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.errors import CallError
from node.handlers.call.handler import ALPN
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from tests.support.appliance import alknet, environment
from tests.support.node_process import NodeProcess, peer_table, running
from tests.support.streams import connection_pair

SPEC = {"name": "a/b", "op_type": "query", "input_schema": {}, "output_schema": {}, "access_control": {}}


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeProcess]:
    (tmp_path / "peers.toml").write_text(peer_table(tmp_path / "ann", "ann"))
    async with running(tmp_path / "data", ALKNET_NODE__PEERS_FILE=str(tmp_path / "peers.toml")) as serving:
        yield serving


async def ops(node: NodeProcess, *more: str) -> tuple[int, str, str]:
    pinned = ("ops", node.facts["address"], "--pin", node.facts["fingerprint"], "--anonymous", *more)
    ran = await asyncio.to_thread(alknet, *pinned, env=environment(XDG_CONFIG_HOME=str(node.data)))
    return ran.returncode, ran.stdout, ran.stderr


async def test_it_lists_what_may_be_called(node: NodeProcess) -> None:
    status, out, err = await ops(node)
    assert (status, err) == (0, "")
    header, *rows = [line.split("  ") for line in out.splitlines()]
    assert [cell.strip() for cell in header if cell] == ["OPERATION", "TYPE", "ACCESS", "INPUT", "OUTPUT"]
    cells = {row[0]: [cell.strip() for cell in row[1:] if cell] for row in rows}
    assert cells["services/schema"][:3] == ["query", "anybody", "{name: string}"]
    assert {"node/whoami", "services/list"} <= cells.keys()


async def test_json_has_the_whole_specs(node: NodeProcess) -> None:
    status, out, _ = await ops(node, "--json")
    assert status == 0
    specs = {spec["name"]: spec for spec in json.loads(out)["operations"]}
    assert list(specs) == sorted(specs)
    assert specs["services/schema"]["input_schema"]["required"] == ["name"]
    assert {len(spec) for spec in specs.values()} == {8}


async def test_the_exit_status_is_that_of_a_call(node: NodeProcess) -> None:
    wrong = ("--pin", "ed25519:" + "ab" * 32)
    assert (await ops(node, *wrong))[0] == 4
    assert (await ops(node, "--identity", "x"))[0] == 2


async def specs(listed: Any, *schemas: Any) -> list[dict[str, Any]]:
    """What the command makes of a node that answers so; an exception is raised there."""
    answers = iter(schemas)

    async def lists(_: Any, __: OperationContext) -> Any:
        return listed

    async def shows(_: Any, __: OperationContext) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ours, theirs = connection_pair(ALPN)
    registry, limits = OperationRegistry(), CallLimits()
    registry.register(Operation("services/list", lists))
    registry.register(Operation("services/schema", shows))
    nobody, allowance = AuthContext.anonymous(ALPN), Allowances(limits).of_peer()
    serving = asyncio.create_task(
        CallConnection(theirs, nobody, Dispatcher(registry, lambda *_: None, limits), limits, allowance).run()
    )
    client = CallClient(ours)
    reading = asyncio.create_task(client._calls.run())
    try:
        return await specs_of(client, None, 5)
    finally:
        ours.close()
        await asyncio.gather(serving, reading)


def named(*names: str) -> dict[str, Any]:
    return {"operations": [{"name": name} for name in names]}


async def test_what_is_gone_meanwhile_is_left_out() -> None:
    assert await specs(named("a/a", "a/b"), CallError("NOT_FOUND", "gone"), SPEC) == [SPEC]


async def test_more_operations_than_are_asked_for_at_once_all_come() -> None:
    names = [f"a/{number:03}" for number in range(100)]
    found = await specs(named(*reversed(names)), *[{"name": name} for name in names])
    assert [spec["name"] for spec in found] == names


@pytest.mark.parametrize(
    ("listed", "schema"),
    [
        (None, None),
        ({"operations": 3}, None),
        ({"operations": [{"name": 3}]}, None),
        (named("a/b"), None),
        (named("a/b"), {"name": "a/b", "access_control": {"required_scopes": "x"}}),
    ],
)
async def test_an_answer_that_is_none_is_an_error(listed: Any, schema: Any) -> None:
    with pytest.raises(CallError, match="not what the protocol says"):
        await specs(listed, schema)


async def test_another_error_of_the_node_is_told() -> None:
    with pytest.raises(CallError, match="TIMEOUT"):
        await specs(named("a/b"), CallError("TIMEOUT", "request timed out"))
