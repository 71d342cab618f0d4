"""An answer that is read at once, while its frame is read, is read like any other."""

import asyncio

import pytest

from node.handlers.call import envelope
from node.handlers.call.budget import ByteBudget
from node.handlers.call.charge import Charge
from node.handlers.call.errors import CallError
from node.handlers.call.outbound import PendingCall


async def outcome_of(pending: PendingCall, body: bytes, *, at_once: bool) -> object:
    """What a call ends with that is told of this body, if it does."""
    if not (at_once and pending.take(body)):
        event = envelope.decode(body)
        if event.type == envelope.RESPONDED and event.id == pending.id:
            await pending.responded(event.payload.output, Charge(ByteBudget(0)), alone=True)
    state = (pending.over, pending.may_go_on, pending.went_on)
    pending.close()
    try:
        return await pending.result(), state
    except CallError as error:
        return str(error), state
    except asyncio.CancelledError:
        return "nothing", state


@pytest.mark.parametrize("kind", ["call.responded", "call.completed"])
@pytest.mark.parametrize("request_id", ["ours", "other"])
@pytest.mark.parametrize(
    "payload",
    [
        b'{"output":{"a":[1,"x"]}}',
        b'{"output":"' + b"x" * 300 + b'"}',
        b'{"output":"\xff"}',
        b'{"output":1,"output":2}',
        b'{"output":' + b"[" * 126 + b"]" * 126 + b"}",
        b'{"output":' + b"[" * 127 + b"]" * 127 + b"}",
        b'{"other":1,"output":null}',
        *(b"{}", b"[]", b"null"),
    ],
)
async def test_an_answer_that_is_read_at_once_is_read_like_any_other(
    payload: bytes, request_id: str, kind: str
) -> None:
    body = b'{"type":"%s","id":"%s","payload":%s}' % (kind.encode(), request_id.encode(), payload)
    at_once, in_steps = [
        await outcome_of(PendingCall("ours", max_output=300), body, at_once=way) for way in (True, False)
    ]
    assert at_once == in_steps


async def test_an_answer_is_not_read_at_once_where_it_is_too_long_or_not_wanted_any_more() -> None:
    body = envelope.encode("call.responded", "ours", {"output": "x" * 100})
    assert not PendingCall("ours", max_output=len(body) - 1).take(body)
    left = PendingCall("ours")
    left.close()
    assert not left.take(body)
    assert PendingCall("ours", max_output=len(body)).take(body)
