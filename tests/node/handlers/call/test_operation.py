"""What a registry takes, what its operations hold to, and whom they let in."""

import functools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.core.access import AccessControl
from node.core.identity import AuthContext, Identity
from node.core.ownership import OwnershipStore
from node.handlers.call.admission import accept, admit
from node.handlers.call.authority import CompositionAuthority, Provenance, ScopedEnvironment
from node.handlers.call.errors import CallError, DeclaredError, RegistrationError
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry, OperationType, Visibility

ALICE, BOB = Identity("alice"), Identity("bob")
EXEC = AccessControl(resource_type="container", resource_action="exec")
NO_FILE = DeclaredError("FILE_NOT_FOUND", "file not found", {"type": "object", "required": ["path"]}, 404)


async def echo(value: Any, _: OperationContext) -> Any:
    return value


async def stream(value: Any, _: OperationContext) -> AsyncIterator[Any]:
    for item in value:
        yield item


async def fail(value: Any, _: OperationContext) -> Any:
    raise CallError(value["code"], "no", details=value.get("details"), retryable=True)


async def fail_late(value: Any, _: OperationContext) -> AsyncIterator[Any]:
    yield 1
    raise CallError(value["code"], "no")


class Callable:
    async def __call__(self, value: Any, _: OperationContext) -> Any:
        return value


def context() -> OperationContext:
    return OperationContext("1", None, AuthContext.anonymous(b"alknet/call"), None, None)


def registered(operation: Operation, *, development: bool = False) -> Operation:
    registry = OperationRegistry(development=development)
    registry.register(operation)
    kept = registry.get(operation.name)
    assert kept is not None
    return kept


async def refusal(operation: Operation, value: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        if operation.streams:
            [item async for item in operation.stream(value, context())]
        else:
            await operation.once(value, context())
    return caught.value


SUBSCRIPTION, INTERNAL = OperationType.SUBSCRIPTION, Visibility.INTERNAL
LEAF = {"provenance": Provenance.FROM_CALL, "visibility": INTERNAL}


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (lambda: Operation("a/b", stream), "yields outputs.* make this a subscription"),
        (lambda: Operation("a/b", echo, SUBSCRIPTION), "write `async def` and `yield`"),
        (lambda: Operation("a/b", lambda *_: None), "not a coroutine function: write `async def`"),  # type: ignore[arg-type,return-value]
        (lambda: Operation("ab", echo), "named service/op"),
        (lambda: Operation("/a/b", echo), "named service/op"),
        (lambda: Operation("a/b c", echo), "no spaces"),
        (lambda: Operation("a/b\n", echo), "printable"),
        (lambda: Operation("a/" + "b" * 300, echo), "255 characters"),
        (lambda: Operation("vault/open", echo), "the vault has no operations"),
        (lambda: Operation("taken/name", echo), "registered twice: rename"),
        (lambda: Operation("a/b", echo, input_schema={"type": "text"}), "schema of its input does not compile"),
        (lambda: Operation("a/b", echo, output_schema={"pattern": "(?=a)"}), "schema of its output does not compile"),
        (
            lambda: Operation("a/b", echo, error_schemas=(DeclaredError("X", "", {"type": 3}),)),
            "schema of X does not compile",
        ),
        (
            lambda: Operation("a/b", echo, error_schemas=(DeclaredError("TIMEOUT", ""),)),
            "TIMEOUT is the protocol's own",
        ),
        (lambda: Operation("a/b", echo, error_schemas=(NO_FILE, NO_FILE)), "declares FILE_NOT_FOUND twice"),
        (lambda: Operation("a/b", echo, error_schemas=(DeclaredError(" ", ""),)), "has no code"),
        (lambda: Operation("a/b", echo, provenance=Provenance.SESSION), "is internal"),
        (lambda: Operation("a/b", echo, provenance=Provenance.FROM_CALL), "is internal"),
        (lambda: Operation("a/b", echo, authority=CompositionAuthority("x"), **LEAF), "composes nothing"),
        (lambda: Operation("a/b", echo, scoped_env=ScopedEnvironment(), **LEAF), "composes nothing"),
    ],
)
def test_a_mistake_stops_the_start_and_says_what_to_mend(operation: Any, said: str) -> None:
    registry = OperationRegistry()
    registry.register(Operation("taken/name", echo))
    with pytest.raises(RegistrationError, match=said):
        registry.register(operation())


@pytest.mark.parametrize("handler", [echo, Callable(), functools.partial(echo), Callable().__call__])
async def test_whatever_is_called_and_awaited_is_a_handler(handler: Any) -> None:
    assert await registered(Operation("a/b", handler)).once(7, context()) == 7


@pytest.mark.parametrize("name", ["", "one", "/a/b", "a//b", "a/"])
def test_a_malformed_name_stops_the_start(name: str) -> None:
    with pytest.raises(RegistrationError):
        OperationRegistry().register(Operation(name, echo))


def test_a_name_registered_twice_stops_the_start() -> None:
    registry = OperationRegistry()
    registry.register(Operation("echo/run", echo))
    with pytest.raises(RegistrationError, match="twice"):
        registry.register(Operation("echo/run", echo))


async def test_a_declared_code_passes_whole() -> None:
    error = await refusal(
        registered(Operation("a/b", fail, error_schemas=(NO_FILE,))), {"code": NO_FILE.code, "details": 3}
    )
    assert (error.code, error.details, error.retryable) == ("FILE_NOT_FOUND", 3, True)


@pytest.mark.parametrize(
    "code", ["NOT_FOUND", "FORBIDDEN", "INVALID_INPUT", "INVALID_OPERATION_TYPE", "INTERNAL", "TIMEOUT"]
)
async def test_the_codes_of_the_protocol_need_no_declaration(code: str) -> None:
    assert (await refusal(registered(Operation("a/b", fail)), {"code": code})).code == code


@pytest.mark.parametrize("operation", [Operation("a/b", fail), Operation("a/b", fail_late, SUBSCRIPTION)])
async def test_an_undeclared_code_becomes_internal_and_keeps_its_name_in_the_details(operation: Operation) -> None:
    error = await refusal(registered(operation), {"code": "SURPRISE", "details": "secret"})
    assert (error.code, error.retryable, error.details) == ("INTERNAL", False, {"code": "SURPRISE"})


@pytest.mark.parametrize(("handler", "kind"), [(echo, OperationType.QUERY), (stream, SUBSCRIPTION)])
async def test_outputs_are_checked_in_development_only(handler: Any, kind: OperationType) -> None:
    operation = Operation("a/b", handler, kind, output_schema={"type": "string"})
    error = await refusal(registered(operation, development=True), [5])
    assert (error.code, "“type”" in error.message, "5" in error.message) == ("INTERNAL", True, False)
    plain = registered(operation)
    given = [item async for item in plain.stream([5], context())] if plain.streams else await plain.once([5], context())
    assert given == [5]


async def test_in_development_the_details_of_an_error_are_checked_too() -> None:
    operation = registered(Operation("a/b", fail, error_schemas=(NO_FILE,)), development=True)
    assert (await refusal(operation, {"code": NO_FILE.code, "details": {}})).code == "INTERNAL"
    assert (await refusal(operation, {"code": NO_FILE.code})).code == "INTERNAL"
    assert (await refusal(operation, {"code": NO_FILE.code, "details": {"path": "x"}})).code == NO_FILE.code


async def test_closing_a_guarded_stream_closes_its_handler() -> None:
    closed = []

    async def endless(_: Any, __: OperationContext) -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    items = registered(Operation("a/b", endless, SUBSCRIPTION)).stream(None, context())
    assert await anext(items) == 1
    await items.aclose()
    assert closed == [True]


def test_an_input_is_checked_after_the_caller() -> None:
    operation = Operation("a/b", echo, access=AccessControl(("admin",)), input_schema={"type": "string"})
    with pytest.raises(CallError, match="FORBIDDEN: missing required scope: admin"):
        admit(operation, ALICE)
    admin = Identity("root", ("admin",))
    admit(operation, admin)
    with pytest.raises(CallError, match="INVALID_INPUT: \\$ breaks the rule “type”"):
        accept(operation, 5, admin)
    accept(operation, "text", admin)


@pytest.fixture
def owned() -> OwnershipStore:
    """Alice owns c1 (spec call §15)."""
    store = OwnershipStore()
    store.record(ALICE, "container", "c1")
    return store


@pytest.mark.parametrize(
    ("caller", "value", "message"),
    [
        (ALICE, {"containerId": "c1"}, ""),
        (ALICE, {"containerId": "c2"}, "not owner of resource: container/c2"),
        (ALICE, {}, ""),
        (ALICE, {"containerId": 42}, ""),
        (BOB, {}, "no owned resources of type: container"),
        (BOB, {"containerId": "c1"}, "not owner of resource: container/c1"),
    ],
)
def test_the_owner_of_the_resource_that_an_input_names_may(
    owned: OwnershipStore, caller: Identity, value: Any, message: str
) -> None:
    operation = Operation("docker/exec", echo, access=EXEC, resource_id_path="$.containerId")
    admit(operation, caller, owned)
    if message:
        with pytest.raises(CallError) as caught:
            accept(operation, value, caller, owned)
        assert (caught.value.code, caught.value.message) == ("FORBIDDEN", message)
    else:
        accept(operation, value, caller, owned)


def test_the_anonymous_are_refused_before_their_input_is_read(owned: OwnershipStore) -> None:
    operation = Operation("docker/exec", echo, access=EXEC, resource_id_path="$.containerId")
    with pytest.raises(CallError, match="authentication required"):
        admit(operation, None, owned)


def test_an_operation_without_a_path_asks_for_the_resources_of_the_callers_entry(owned: OwnershipStore) -> None:
    operation = Operation("docker/list", echo, access=EXEC)
    with pytest.raises(CallError, match="missing resource: container/exec"):
        admit(operation, ALICE, owned)
    admit(operation, Identity("carol", (), {"container": ("exec",)}), owned)


def test_the_journal_explains_a_refusal_and_the_caller_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.raises(CallError) as caught:
        admit(Operation("a/b", echo, access=AccessControl(("admin",))), Identity("ann", ("user",)))
    assert "user" not in caught.value.message
    [record] = caplog.records
    assert record.__dict__["explanation"] == "“ann” has these scopes: user"


def test_the_spec_of_an_operation_has_its_eight_keys() -> None:
    """Spec call §15 T4, letter by letter."""
    operation = Operation(
        "fs/readFile",
        echo,
        access=AccessControl(("fs:read",)),
        input_schema={"type": "object"},
        output_schema={"type": "string"},
        error_schemas=(DeclaredError("FILE_NOT_FOUND", "file not found", {"type": "object"}, 404),),
        resource_id_path="$.path",
    )
    error = {
        "code": "FILE_NOT_FOUND",
        "description": "file not found",
        "schema": {"type": "object"},
        "http_status": 404,
    }
    asked = {
        "required_scopes": ["fs:read"],
        "required_scopes_any": None,
        "resource_type": None,
        "resource_action": None,
    }
    assert operation.schema() == {
        "name": "fs/readFile",
        "namespace": "fs",
        "op_type": "query",
        "visibility": "external",
        "input_schema": {"type": "object"},
        "output_schema": {"type": "string"},
        "error_schemas": [error],
        "access_control": asked,
    }


@pytest.mark.parametrize(
    ("name", "peer", "allowed"),
    [
        ("container/exec", None, False),
        ("container/exec", "a", True),
        ("container/exec", "b", False),
        ("fs/read", None, True),
        ("fs/read", "b", True),
        ("fs/write", None, False),
        ("fs/write", "None", True),
    ],
)
def test_a_scoped_environment_is_the_reach_of_a_handler(name: str, peer: str | None, allowed: bool) -> None:
    reach = ScopedEnvironment(frozenset({"fs/read"}), frozenset({"a/container/exec", "None/fs/write"}))
    assert reach.allows(name, peer) is allowed


def test_an_authority_is_seen_as_a_caller_of_its_label() -> None:
    operation = Operation("a/b", echo, authority=CompositionAuthority("agent", ("chat",), {"fs": ("read",)}))
    assert operation.handler_identity == Identity("agent", ("chat",), {"fs": ("read",)})
    assert Operation("a/b", echo).handler_identity is None
