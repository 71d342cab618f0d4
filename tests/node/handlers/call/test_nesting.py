"""JSON is nested 128 levels deep and no deeper, however it is written."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.errors import StreamClosed
from node.handlers.call import answers
from node.handlers.call.envelope import read_input, read_output
from node.handlers.call.errors import CallError
from node.handlers.call.limits import CallLimits
from node.handlers.call.nesting import AROUND, MAX_NESTING, is_deeper
from tests.support.bounded import Served, connected
from tests.support.quic import soon
from tests.support.raw_call import read_event

JSON = st.recursive(
    st.none() | st.integers() | st.text(alphabet='[]{}"\\a,'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='[{"\\', max_size=3), inner, max_size=3)
    ),
    max_leaves=40,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def nested(levels: int, leaf: object = None) -> object:
    for _ in range(levels):
        leaf = [leaf]
    return leaf


@given(JSON)
def test_the_depth_is_that_of_the_value(value: object) -> None:
    text = json.dumps(value).encode()
    deep = depth(value)
    assert not is_deeper(text, deep)
    assert deep == 0 or is_deeper(text, deep - 1)


@pytest.mark.parametrize("levels", [MAX_NESTING - AROUND, 90])
async def test_an_input_of_all_levels_passes_and_one_more_is_refused(levels: int) -> None:
    served = Served(CallLimits(max_nesting=levels + AROUND))
    async with connected(served) as (calls, raw):
        deepest = nested(levels)
        stream = await soon(raw.request("1", {"operationId": "/echo/run", "input": deepest}))
        assert (await soon(read_event(stream)))["payload"] == {"output": deepest}
        stream = await soon(raw.request("2", {"operationId": "/echo/run", "input": [deepest]}))
        told = (await soon(read_event(stream)))["payload"]
        assert (told["code"], told["message"]) == ("INVALID_INPUT", f"nested more than {levels + AROUND} levels deep")
        assert await soon(calls.call("echo/run", 1)) == 1


@pytest.mark.parametrize(("levels", "told"), [(129, "INVALID_INPUT"), (5_000, "reset"), (400_000, "reset")])
async def test_a_frame_however_deep_costs_its_own_stream_at_most(levels: int, told: str) -> None:
    async with connected(Served(CallLimits())) as (calls, raw):
        stream = await raw.connection.open_bi()
        body = b'{"type":"call.requested","id":"1","payload":{"operationId":"/echo/run","input":%b%b}}'
        body %= (b"[" * levels, b"]" * levels)
        await stream.write(len(body).to_bytes(4, "big") + body)
        stream.finish()
        if told == "reset":
            with pytest.raises(StreamClosed):
                await soon(stream.read())
        else:
            assert (await soon(read_event(stream)))["payload"]["code"] == told
        assert await soon(calls.call("echo/run", 1)) == 1


def test_an_output_that_others_could_not_read_is_an_error_of_the_operation() -> None:
    assert answers.responded("1", nested(MAX_NESTING - AROUND))
    with pytest.raises(CallError, match="nested more than 128"):
        answers.responded("1", nested(MAX_NESTING - AROUND + 1))


def test_an_answer_that_is_too_deep_is_an_error_and_not_null() -> None:
    text = msgspec.Raw(json.dumps(nested(MAX_NESTING)).encode())
    with pytest.raises(CallError, match="nested more than 128"):
        read_output(text)
    with pytest.raises(CallError, match="nested"):
        read_input(text, 1 << 20)
