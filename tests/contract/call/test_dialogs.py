"""The dialogs T1 to T10 of spec call §15 over real QUIC and over one Unix stream, spoken by a raw peer of our own."""

from typing import Any

import pytest

from node.core.identity import Identity
from tests.support.call_dialogs import FINGERPRINT, DialogNode, nothing_more
from tests.support.quic import settled
from tests.support.raw_call import RawPeer

CLAIM = {"id": "alice", "scopes": ["admin"], "resources": {}}


@pytest.mark.parametrize("operation", ["/echo/run", "echo/run"])
async def test_t1_one_request_has_one_response(peer: RawPeer, operation: str) -> None:
    await peer.request("req-1", operation, {"msg": "hi"})
    assert await peer.next("req-1") == ("call.responded", {"output": {"msg": "hi"}})
    await nothing_more(peer, "req-1")


async def test_t1_only_one_slash_is_taken_off(peer: RawPeer) -> None:
    await peer.request("req-1", "//echo/run")
    assert (await peer.next("req-1"))[1]["code"] == "NOT_FOUND"


async def test_t2_a_subscription_gives_its_items_in_order_and_then_its_end(peer: RawPeer, node: DialogNode) -> None:
    await peer.request("sub-1", "/events/stream", {"n": 1})
    assert [await peer.next("sub-1") for _ in range(4)] == [
        *(("call.responded", {"output": {"n": n}}) for n in (1, 2, 3)),
        ("call.completed", {}),
    ]
    await nothing_more(peer, "sub-1")
    assert node.contexts[0].deadline is None


async def test_t2_no_item_and_an_end_is_a_subscription_too(peer: RawPeer) -> None:
    await peer.request("sub-1", "/events/none")
    assert await peer.next("sub-1") == ("call.completed", {})


@pytest.mark.parametrize(("operation", "message"), [("events/broken", "boom"), ("events/fault", "internal error")])
async def test_t2_an_error_ends_a_subscription(peer: RawPeer, operation: str, message: str) -> None:
    await peer.request("sub-1", operation)
    assert await peer.next("sub-1") == ("call.responded", {"output": 1})
    error = {"code": "INTERNAL", "message": message, "retryable": False}
    assert await peer.next("sub-1") == ("call.error", error)
    await nothing_more(peer, "sub-1")


async def test_t2_an_item_that_is_not_json_ends_it_with_an_error(peer: RawPeer) -> None:
    await peer.request("sub-1", "events/odd")
    assert (await peer.next("sub-1"))[1]["message"] == "the output is not JSON"
    await nothing_more(peer, "sub-1")


async def test_t3_scopes_decide_by_token(peer: RawPeer) -> None:
    for request_id, more, message in (
        ("a", {}, "authentication required"),
        ("b", {"auth_token": "user"}, "missing required scope: admin"),
        ("c", {"auth_token": "nobody's"}, "authentication required"),
    ):
        for operation in ("/admin/run", "/events/admin"):
            await peer.request(request_id, operation, **more)
            error = {"code": "FORBIDDEN", "message": message, "retryable": False}
            assert await peer.next(request_id) == ("call.error", error)
    await peer.request("d", "/admin/run", 1, auth_token="admin")
    assert await peer.next("d") == ("call.responded", {"output": 1})
    await nothing_more(peer, "a", "b", "c", "d")


@pytest.mark.parametrize("node", [(None, FINGERPRINT)], indirect=True)
async def test_t3_an_unknown_token_falls_back_to_the_connection(peer: RawPeer) -> None:
    for token in ("nobody's", 7, None):
        await peer.request("a", "/admin/run", 1, auth_token=token)
        assert await peer.next("a") == ("call.responded", {"output": 1})


@pytest.mark.parametrize("node", [(None, FINGERPRINT)], indirect=True)
async def test_t3_a_token_counts_in_place_of_the_connections_key(peer: RawPeer) -> None:
    await peer.request("a", "/admin/run", 1, auth_token="user")
    assert (await peer.next("a"))[1]["message"] == "missing required scope: admin"


async def test_t3_the_hidden_and_the_missing_are_alike(peer: RawPeer) -> None:
    for name in ("secret/op", "no/such/op"):
        await peer.request(name, "/" + name)
        error = {"code": "NOT_FOUND", "message": f"operation not found: {name}", "retryable": False}
        assert await peer.next(name) == ("call.error", error)
    await peer.send("call.requested", "empty", {})
    assert (await peer.next("empty"))[1]["message"] == "operation not found: "


@pytest.mark.parametrize("node", [(None, FINGERPRINT)], indirect=True)
async def test_t4_a_schema_has_its_eight_keys_and_says_null(peer: RawPeer) -> None:
    no_file = {"code": "FILE_NOT_FOUND", "description": "file not found", "schema": {"type": "object"}}
    asks = {"required_scopes": [], "required_scopes_any": None, "resource_type": None, "resource_action": None}
    for name, wants in (("/fs/readFile", {}), ("admin/run", {"required_scopes": ["admin"]})):
        await peer.request(name, "/services/schema", {"name": name})
        kind, payload = await peer.next(name)
        assert (kind, payload["output"]) == (
            "call.responded",
            {
                "name": name.removeprefix("/"),
                "namespace": name.strip("/").split("/")[0],
                "op_type": "query",
                "visibility": "external",
                "input_schema": {},
                "output_schema": {"type": "string"} if name == "/fs/readFile" else {},
                "error_schemas": [no_file | {"http_status": 404}] if name == "/fs/readFile" else [],
                "access_control": asks | wants,
            },
        )


@pytest.mark.parametrize("name", ["secret/op", "admin/run", "no/such"])
async def test_t4_there_is_no_schema_of_what_a_caller_may_not_call(peer: RawPeer, name: str) -> None:
    await peer.request("a", "/services/schema", {"name": name})
    error = {"code": "NOT_FOUND", "message": f"operation not found: {name}", "retryable": False}
    assert await peer.next("a") == ("call.error", error)


async def test_t5_the_list_shows_what_the_caller_may_call(peer: RawPeer, node: DialogNode) -> None:
    names = {operation.name for operation in node.registry} - {"secret/op"}
    for token, sees in (("nobody's", names - {"admin/run", "events/admin"}), ("admin", names)):
        await peer.request(token, "/services/list", {}, auth_token=token, forwarded_for=CLAIM)
        listed = (await peer.next(token))[1]["output"]["operations"]
        assert sorted(entry["name"] for entry in listed) == sorted(sees)
        for entry in ({"name": "echo/run", "op_type": "query"}, {"name": "events/stream", "op_type": "subscription"}):
            assert entry | {"namespace": entry["name"].split("/")[0]} in listed


async def test_t6_an_abort_by_whatever_stream_closes_the_generator(peer: RawPeer, node: DialogNode) -> None:
    await peer.request("sub-9", "/events/quiet")
    assert await peer.next("sub-9") == ("call.responded", {"output": "first"})
    await peer.send("call.aborted", "ghost")
    await peer.send("call.aborted", "sub-9")
    await settled(lambda: node.closed == 1)
    await nothing_more(peer, "sub-9", "ghost")
    assert node.idle


async def test_t6_an_abort_cancels_a_call(peer: RawPeer, node: DialogNode) -> None:
    await peer.request("a", "/slow/run")
    await nothing_more(peer, "a")
    await peer.send("call.aborted", "a")
    await settled(lambda: node.cancelled == 1)
    node.release.set()
    await nothing_more(peer, "a")


async def test_t6_an_abort_ends_a_subscription_that_is_in_full_flow(peer: RawPeer, node: DialogNode) -> None:
    await peer.request("sub-9", "/events/endless", 10)
    for _ in range(100):
        assert (await peer.next("sub-9"))[0] == "call.responded"
    await peer.send("call.aborted", "sub-9")
    await settled(lambda: node.closed == 1 and node.idle)
    await nothing_more(peer)
    events = [await peer.next("sub-9") for _ in range(peer.unread("sub-9"))]
    assert {kind for kind, _ in events} <= {"call.responded"}


async def test_t7_the_callee_calls_back_while_it_serves(peer: RawPeer) -> None:
    await peer.request("s1", "/back/run", 5)
    stream, event = await peer.asked()
    assert event["payload"] == {"operationId": "/ask/me", "input": 5}
    await peer.send("call.responded", event["id"], {"output": "it"}, on=stream)
    assert await peer.next("s1") == ("call.responded", {"output": {"told": "it"}})


async def test_t7_the_ids_of_both_directions_are_independent(peer: RawPeer) -> None:
    await peer.request("outer", "/back/run", 5)
    stream, event = await peer.asked()
    await peer.request(event["id"], "/echo/run", "ours")
    assert await peer.next(event["id"]) == ("call.responded", {"output": "ours"})
    await peer.send("call.responded", event["id"], {"output": "theirs"}, on=stream)
    assert await peer.next("outer") == ("call.responded", {"output": {"told": "theirs"}})


async def test_t8_the_quicker_of_two_on_a_stream_is_answered_first(peer: RawPeer, node: DialogNode) -> None:
    stream = await peer.request("a", "/slow/run", "a")
    await peer.request("b", "/echo/run", "b", on=stream)
    assert await peer.next("b") == ("call.responded", {"output": "b"})
    assert peer.unread("a") == 0
    node.release.set()
    assert await peer.next("a") == ("call.responded", {"output": "a"})


@pytest.mark.parametrize("value", [{}, None, {"name": 7}, "name"])
async def test_t9_a_schema_needs_a_name(peer: RawPeer, value: Any) -> None:
    await peer.request("a", "/services/schema", value)
    error = {"code": "INVALID_INPUT", "message": "missing required field: name", "retryable": False}
    assert await peer.next("a") == ("call.error", error)


async def test_t10_a_claim_is_no_authority(peer: RawPeer, node: DialogNode) -> None:
    await peer.request("a", "/admin/run", {}, forwarded_for=CLAIM)
    assert (await peer.next("a"))[1]["code"] == "FORBIDDEN"
    for request_id, told in (("b", CLAIM), ("c", {"id": "alice"})):
        await peer.request(request_id, "/echo/run", {}, forwarded_for=told)
        assert (await peer.next(request_id))[0] == "call.responded"
    assert [context.forwarded_for for context in node.contexts] == [Identity("alice", ("admin",)), None]
    assert [context.identity for context in node.contexts] == [None, None]
