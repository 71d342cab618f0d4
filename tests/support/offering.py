"""A raw peer that offers operations, truthfully or not, and shares no code with the implementation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from node.core.errors import StreamError
from node.core.identity import AuthContext, Identity
from node.handlers.call.allowance import Allowances
from node.handlers.call.connection import CallConnection
from node.handlers.call.dispatch import Dispatcher
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from tests.support.raw_call import RawPeer
from tests.support.streams import connection_pair

ALPN = b"alknet/call"


def described(name: str, op_type: str = "query", **more: Any) -> dict[str, Any]:
    """A whole description as `services/schema` gives it."""
    return {
        "name": name,
        "namespace": name.split("/", maxsplit=1)[0],
        "op_type": op_type,
        "visibility": "external",
        "input_schema": {},
        "output_schema": {},
        "error_schemas": [],
        "access_control": {
            "required_scopes": [],
            "required_scopes_any": None,
            "resource_type": None,
            "resource_action": None,
        },
    } | more


class Offering:
    """What it lists and describes. A CallError is written as {"error": {...}}; None is no answer at all."""

    def __init__(self, *offers: dict[str, Any]) -> None:
        self.listed: Any = {"operations": [{"name": offer["name"]} for offer in offers]}
        self.described: dict[str, Any] = {offer["name"]: offer for offer in offers}
        self.requests: list[Any] = []
        self.calls: CallConnection
        self.raw: RawPeer

    async def answer(self) -> None:
        while True:
            stream, event = await self.raw.asked()
            self.requests.append(event)
            answer = self._answer(event["payload"])
            if answer is None:
                continue
            failed = isinstance(answer, dict) and "error" in answer
            kind, payload = ("call.error", answer["error"]) if failed else ("call.responded", {"output": answer})
            with contextlib.suppress(StreamError):  # given up meanwhile
                await self.raw.send(kind, event["id"], payload, on=stream)
                stream.finish()

    def _answer(self, payload: Any) -> Any:
        match payload["operationId"]:
            case "/services/list":
                return self.listed
            case "/services/schema":
                return self.described[payload["input"]["name"]]
        return {"echo": payload}


@contextlib.asynccontextmanager
async def offering(*offers: dict[str, Any], peer: Identity | None = None) -> AsyncIterator[Offering]:
    """One that is connected: `calls` is our side of the connection, running."""
    theirs, ours = connection_pair(ALPN)
    offered, limits = Offering(*offers), CallLimits()
    dispatcher = Dispatcher(OperationRegistry(), lambda *_: None, limits)
    allowance = Allowances(limits).of_peer()
    offered.calls = CallConnection(ours, AuthContext(peer, ALPN), dispatcher, limits, allowance)
    running = asyncio.create_task(offered.calls.run())
    async with asyncio.timeout(60), RawPeer(theirs) as offered.raw:
        answering = asyncio.create_task(offered.answer())
        try:
            yield offered
        finally:
            answering.cancel()
            theirs.close()
            await running
