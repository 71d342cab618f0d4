"""Operations made of annotated functions: their schemas, their conversions, and what cannot be one."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import pytest

from node.core.access import AccessControl
from node.core.identity import AuthContext
from node.handlers.call.authority import CompositionAuthority
from node.handlers.call.decorator import mutation, query, subscription
from node.handlers.call.errors import CallError, DeclaredError, RegistrationError
from node.handlers.call.operation import Operation, OperationContext, OperationType, Visibility

CANARY = "canary-7f3a91"


class Note(msgspec.Struct):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    stars: int = 0


class Foreign:
    pass


@query("notes/get", scopes=("notes:read",))
async def get(note: Note) -> Note:
    return Note(note.title.upper(), note.stars + 1)


@mutation("notes/put", errors=(DeclaredError("FULL", "no room"),), visibility=Visibility.INTERNAL, max_input=100)
async def put(context: OperationContext, note: Note) -> str:
    return f"{context.request_id}: {note.title}"


@subscription("notes/watch")
async def watch(note: Note, context: OperationContext) -> AsyncIterator[Note]:
    for stars in range(note.stars):
        yield Note(context.request_id, stars)


@query("notes/count")
async def count() -> int:
    return 3


def context() -> OperationContext:
    return OperationContext("r1", None, AuthContext.anonymous(b"alknet/call"), None, None)


async def call(operation: Operation, value: Any) -> Any:
    operation.check_input(value)
    return await operation.once(value, context())


async def test_a_struct_goes_in_and_json_comes_out() -> None:
    assert await call(get, {"title": "milk", "more": "ignored"}) == {"title": "MILK", "stars": 1}


async def test_the_context_may_stand_on_either_side_and_input_may_be_missing() -> None:
    assert await call(put, {"title": "milk"}) == "r1: milk"
    items = watch.stream({"title": "x", "stars": 2}, context())
    assert [item async for item in items] == [{"title": "r1", "stars": 0}, {"title": "r1", "stars": 1}]
    assert await call(count, {"anything": "at all"}) == 3


def test_the_schemas_are_derived() -> None:
    shown = get.schema()
    assert shown["input_schema"] == msgspec.json.schema(Note)
    assert shown["output_schema"] == msgspec.json.schema(Note)
    assert watch.output_schema == msgspec.json.schema(Note)
    assert count.input_schema == {}
    assert count.output_schema == {"type": "integer"}


def test_the_options_become_the_record() -> None:
    assert (get.op_type, get.access) == (OperationType.QUERY, AccessControl(required_scopes=("notes:read",)))
    assert (put.op_type, put.visibility, put.max_input) == (OperationType.MUTATION, Visibility.INTERNAL, 100)
    assert [known.code for known in put.error_schemas] == ["FULL"]
    authority = CompositionAuthority("agent")
    assert query("a/b", authority=authority, resource_id_path="$.id")(plain).authority == authority


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "missing required field: title"),
        ({"title": ""}, "$.title breaks the rule “minLength” of the schema"),
        ({"title": CANARY * 2}, "$.title breaks the rule “maxLength” of the schema"),
        ({"title": "x", "stars": CANARY}, "$.stars breaks the rule “type” of the schema"),
        ({"title": "x", "stars": 1.0}, "$.stars is not what the operation takes"),
        (CANARY, "$ breaks the rule “type” of the schema"),
        (None, "$ breaks the rule “type” of the schema"),
    ],
)
async def test_an_input_that_does_not_fit_is_told_by_its_place(value: Any, message: str) -> None:
    with pytest.raises(CallError) as caught:
        await call(get, value)
    assert (caught.value.code, caught.value.message) == ("INVALID_INPUT", message)
    assert caught.value.__cause__ is None


async def test_what_the_struct_itself_refuses_shows_no_value() -> None:
    with pytest.raises(CallError) as caught:
        await call(refusing, {"secret": CANARY})
    assert (caught.value.code, CANARY in str(caught.value)) == ("INVALID_INPUT", False)


class Refusing(msgspec.Struct):
    secret: str

    def __post_init__(self) -> None:
        raise ValueError(f"{self.secret} is not good enough")


@query("a/refusing")
async def refusing(value: Refusing) -> None:
    pass


async def test_plain_json_is_handed_over_as_it_is() -> None:
    value = {"a": [1, {"b": None}]}
    assert await call(query("a/b")(plain), value) is value


async def plain(value: dict[str, Any]) -> Any:
    return value


async def unannotated(value) -> None:  # type: ignore[no-untyped-def]
    pass


async def gives_what(value: int):  # type: ignore[no-untyped-def]
    pass


async def two(first: int, second: int) -> None:
    pass


async def keyword(*, value: int) -> None:
    pass


async def foreign(value: Foreign) -> None:
    pass


async def foreign_out() -> Foreign:
    return Foreign()


async def unresolved(value: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
    pass


async def bare_stream() -> AsyncIterator:  # type: ignore[type-arg]
    yield 1


async def wrong_stream() -> int:  # type: ignore[misc]
    yield 1


async def bad_pattern(value: Annotated[str, msgspec.Meta(pattern="(?=a)")]) -> None:
    pass


def blocking(value: int) -> int:
    return value


@pytest.mark.parametrize(
    ("decorate", "function", "said"),
    [
        (query("a/b"), unannotated, "the parameter value is not annotated"),
        (query("a/b"), gives_what, "write `-> None`"),
        (query("a/b"), two, "put what else it needs into a Struct"),
        (query("a/b"), keyword, "give it up"),
        (query("a/b"), foreign, "Foreign.* annotate types that JSON has"),
        (query("a/b"), foreign_out, "Foreign.* annotate types that JSON has"),
        (query("a/b"), unresolved, "Nowhere.* stand at the top of their module"),
        (query("a/b"), blocking, "write `async def`"),
        (query("a/b"), bare_stream, "make this a subscription"),
        (subscription("a/b"), plain, "`yield` its outputs"),
        (subscription("a/b"), bare_stream, "annotated `-> AsyncIterator"),
        (subscription("a/b"), wrong_stream, "annotated `-> AsyncIterator"),
        (query("a/b"), bad_pattern, "schema of its input does not compile.*linear time"),
        (query("get"), plain, "named service/op"),
        (query("a/b", scopes="admin"), plain, r"write scopes=\('admin',\)"),
        (query("a/b", scopes=("x",), access=AccessControl(("y",))), plain, "both scopes and access"),
        (query("a/b", resource_id_path="containerId"), plain, r"such as \$.containerId"),
        (query("a/b", errors=(DeclaredError("INTERNAL", ""),)), plain, "INTERNAL is the protocol's own"),
    ],
)
def test_what_cannot_be_an_operation_says_what_to_mend(decorate: Any, function: Any, said: str) -> None:
    with pytest.raises(RegistrationError, match=said):
        decorate(function)


def test_a_decorator_without_a_name_says_so() -> None:
    with pytest.raises(RegistrationError, match=r'write @query\("service/op"\)'):
        query(plain)  # type: ignore[arg-type]
