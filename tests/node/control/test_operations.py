"""The operations of the control socket, asked by the real client over a real socket."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.control import inputs
from node.control.administrator import administrator, as_connected
from node.control.client import ControlRefused
from node.control.errors import sealing_failed, vault_locked
from node.control.limits import MAX_PLAINTEXT, MAX_REASON
from node.control.operations import Selection
from node.core.access import check_access
from node.handlers.call.errors import CallError
from tests.support.control import BLOB, Control, Told, control, registry_of

CANARY = "canary-7f3a91"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Control]:
    async with control(tmp_path / "run" / "node.sock") as control_socket:
        yield control_socket


async def refused(running: Control, operation: str, value: Any) -> ControlRefused:
    with pytest.raises(ControlRefused) as caught:
        await running.call(operation, value)
    return caught.value


async def test_the_status_is_what_the_node_says(running: Control) -> None:
    assert await running.call("node/status") == {"connections": 5}
    assert await running.call("/node/status", {"ignored": 1}) == {"connections": 5}


async def test_connections_come_in_pages(running: Control) -> None:
    assert [one["id"] for one in (await running.call("node/connections"))["connections"]] == [1, 2, 3, 4, 5]
    first = await running.call("node/connections", {"limit": 3})
    assert ([one["id"] for one in first["connections"]], first["next"]) == ([1, 2, 3], 3)
    rest = await running.call("node/connections", {"limit": 3, "after": first["next"]})
    assert ([one["id"] for one in rest["connections"]], rest["next"]) == ([4, 5], None)
    some = await running.call("node/connections", {"ids": [9, 4, 2, 4]})
    assert ([one["id"] for one in some["connections"]], some["next"]) == ([2, 4], None)
    assert (await running.call("node/connections", {"ids": []}))["connections"] == []
    assert (await refused(running, "node/connections", {"ids": [1] * 1001})).code == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("value", "which"),
    [({"id": 4}, Selection(id=4)), ({"peer": "ann"}, Selection(peer="ann")), ({"all": True}, Selection())],
)
async def test_a_disconnect_says_whom_and_why(running: Control, value: dict[str, Any], which: Selection) -> None:
    assert await running.call("node/disconnect", {**value, "reason": " moving\n house"}) == {"closed": 3}
    assert running.told.asked == [(which, "moving  house")]


@pytest.mark.parametrize(
    "value",
    [
        *(None, {}, [], "all", {"all": False}, {"all": 1}, {"id": 1, "all": True}, {"id": 1, "peer": "ann"}),
        *({"id": "1"}, {"id": -1}, {"id": 2**63}, {"peer": ""}, {"peer": "x" * 256}),
        {"all": True, "reason": "x" * (MAX_REASON + 1)},
    ],
)
async def test_a_disconnect_that_is_not_clear_closes_nobody(running: Control, value: Any) -> None:
    assert (await refused(running, "node/disconnect", value)).code == "INVALID_INPUT"
    assert running.told.asked == []


async def test_a_secret_goes_in_and_a_blob_comes_out(running: Control) -> None:
    assert await running.call("credentials/seal", {"plaintext": "sk-1"}) == BLOB
    assert await running.call("credentials/seal", {"plaintext": "", "key_version": 3}) == BLOB
    longest = "\x01" * MAX_PLAINTEXT  # six characters of JSON each
    assert await running.call("credentials/seal", {"plaintext": longest}) == BLOB
    assert running.told.asked == [(4, None), (0, 3), (MAX_PLAINTEXT, None)]
    assert (await running.call("credentials/reseal", {"credential": BLOB, "key_version": 9}))["key_version"] == 9
    assert running.told.asked[-1] == (BLOB, 9)


@pytest.mark.parametrize(
    "value",
    [
        *(None, {}, {"plaintext": None}, {"plaintext": 1}, {"plaintext": [CANARY]}, {"plaintext": {CANARY: 1}}, CANARY),
        *({"plaintext": CANARY, "key_version": version} for version in (0, 1, -2, 2_147_483_650, 2.5, "2", True)),
        {"plaintext": CANARY + "é" * (MAX_PLAINTEXT // 2)},
    ],
)
async def test_what_cannot_be_sealed_is_refused_and_never_repeated(
    running: Control, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    error = await refused(running, "credentials/seal", value)
    assert error.code == "INVALID_INPUT"
    assert CANARY not in repr(error) + caplog.text
    assert running.told.asked == []


@pytest.mark.parametrize(
    "credential",
    [
        *(None, CANARY, {}, {**BLOB, "key_version": 1}, {**BLOB, "key_version": "2"}, {**BLOB, "iv": None}),
        *({**BLOB, "salt": "x" * 1369}, {**BLOB, "data": "x" * 1_398_129}, {**BLOB, "data": 7}),
    ],
)
async def test_what_is_no_blob_is_not_sealed_anew(running: Control, credential: Any) -> None:
    error = await refused(running, "credentials/reseal", {"credential": credential, "key_version": 3})
    assert error.code == "INVALID_INPUT"
    assert running.told.asked == []


@pytest.mark.parametrize("operation", ["credentials/seal", "credentials/reseal"])
async def test_a_locked_vault_and_a_failed_one_are_told_apart(running: Control, operation: str) -> None:
    value = {"plaintext": CANARY, "credential": BLOB, "key_version": 2}
    running.told.failure = vault_locked()
    error = await refused(running, operation, value)
    assert (error.code, error.message) == ("VAULT_LOCKED", "the vault is locked: alknet vault unlock")
    running.told.failure = sealing_failed("the blob does not open")
    assert str(await refused(running, operation, value)) == "SEALING_FAILED: the blob does not open"


async def test_an_operation_that_fails_never_logs_its_input(running: Control, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    running.told.failure = ValueError(f"cannot seal {CANARY}")
    error = await refused(running, "credentials/seal", {"plaintext": CANARY})
    assert error.code == "SEALING_FAILED"
    shown = [f"{record.__dict__} {record.exc_text} {record.getMessage()}" for record in caplog.records]
    assert any("ValueError" in text for text in shown)
    assert not any(CANARY in text for text in shown)
    assert CANARY not in caplog.text + repr(error)


async def test_a_status_that_fails_is_an_internal_error(running: Control) -> None:
    running.told.failure = RuntimeError("of itself")
    assert str(await refused(running, "node/status", None)) == "INTERNAL: internal error"


@pytest.mark.parametrize("name", ["vault/unlock", "credentials/open", "node/whoami", "services/list", ""])
async def test_there_is_nothing_else(running: Control, name: str) -> None:
    assert (await refused(running, name, None)).code == "NOT_FOUND"


def test_every_operation_asks_a_scope_that_only_the_administrator_has() -> None:
    told, auth = Told(), administrator(0)
    for operation in registry_of(told):
        assert check_access(operation.access, as_connected(auth, "any token")).allowed
        assert not check_access(operation.access, None).allowed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["plaintext", "credential", "key_version", "data"]), json_values)
def test_no_error_and_no_repr_shows_an_input(name: str, value: Any) -> None:
    whole = {"plaintext": CANARY, "credential": {**BLOB, "data": CANARY}, "key_version": 2, name: value}
    for kind in (
        inputs.SealInput,
        inputs.ResealInput,
        inputs.ConnectionsInput,
        inputs.DisconnectInput,
        inputs.HeadInput,
    ):
        try:
            read = inputs.read(whole, kind)
        except CallError as error:
            assert CANARY not in repr(error) + str(error.__cause__)
        else:
            assert CANARY not in f"{read!r} {read}"


@given(st.text(alphabet=st.characters(codec=None), min_size=1))
def test_only_text_that_can_be_written_is_sealed(text: str) -> None:
    try:
        assert inputs.secret_bytes(text) == len(text.encode())
    except CallError as error:
        assert any("\ud800" <= char <= "\udfff" for char in text)
        assert text not in repr(error) or len(text) < 3
