"""`from_call`: the operations of another node, to be composed here as if they were our own (spec call §13).

They are internal (deviation D10): the wire cannot reach them, handlers can. Everything in them is the peer's own word,
so its amount is bounded, and its schemas are shown to people and never run.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from node.core.errors import StreamError
from node.core.identity import Identity
from node.handlers.call.authority import Provenance
from node.handlers.call.connection import CallConnection
from node.handlers.call.errors import CallError, ErrorCode, RegistrationError
from node.handlers.call.forwarding import OnBehalfOf, forward_once, forward_stream
from node.handlers.call.import_errors import (
    DiscoveryFailed,
    SamePeerCollision,
    SchemaParse,
    TooMuchOffered,
    TransportFailed,
    Unauthorized,
)
from node.handlers.call.imported_spec import ImportedSpec, read_spec
from node.handlers.call.limits import MAX_FRAME, MIB
from node.handlers.call.operation import Operation, OperationContext, OperationHandler, OperationType, Visibility
from node.handlers.call.outbound import AnswerTooLarge
from node.handlers.call.registration import check_name

_AT_ONCE = 8
"""Descriptions that are asked for at the same time."""
_MAX_LIST = 4 * MIB
"""Bytes of the answer that lists the names."""

logger = logging.getLogger(__name__)


def direct_caller(context: OperationContext) -> Identity | None:
    """The identity that asked this node: of a composed call, the authority of the handler that composed it."""
    return context.identity


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What is imported of a peer, under which names, and how much at most.

    `operation_filter` is asked with the peer's names, and None takes all; `namespace_prefix` makes `prefix/service/op`
    of them. `max_schema` is the bytes of one description and `max_schemas` of all together, `max_output` those of one
    answer, `timeout` the seconds that the whole import may take.
    """

    namespace_prefix: str | None = None
    operation_filter: Callable[[str], bool] | None = None
    on_behalf_of: OnBehalfOf = direct_caller
    max_operations: int = 1024
    max_schema: int = 64 * 1024
    max_schemas: int = 4 * MIB
    max_output: int = MAX_FRAME
    timeout: float = 30.0

    def takes(self, remote: str) -> bool:
        return self.operation_filter is None or self.operation_filter(remote)

    def local_name(self, remote: str) -> str:
        return remote if self.namespace_prefix is None else f"{self.namespace_prefix}/{remote}"


TAKE_ALL = ImportRules()


async def from_call(calls: CallConnection, rules: ImportRules = TAKE_ALL) -> tuple[Operation, ...]:
    """Operations that forward to the peer of a running connection, in the order of its list. Raises ImportFailed."""
    discovery = _Discovery(calls, rules)
    try:
        async with asyncio.timeout(rules.timeout):
            names = _local_names(await discovery.names(), rules)
            specs = await discovery.specs(names)
    except TimeoutError:
        raise DiscoveryFailed(f"the peer did not describe its operations within {rules.timeout:g} s") from None
    return tuple(_operation(calls, rules, remote, local, specs[remote]) for remote, local in names.items())


async def offered_names(calls: CallConnection, rules: ImportRules = TAKE_ALL) -> tuple[str, ...]:
    """What the peer lists of what the rules take, sorted, by the peer's own names. Raises ImportFailed.

    One question, by which to see whether there is something else to import than there was.
    """
    try:
        async with asyncio.timeout(rules.timeout):
            return tuple(sorted(filter(rules.takes, await _Discovery(calls, rules).names())))
    except TimeoutError:
        raise DiscoveryFailed(f"the peer did not list its operations within {rules.timeout:g} s") from None


class _Discovery:
    """Asks the peer what it offers."""

    def __init__(self, calls: CallConnection, rules: ImportRules) -> None:
        self._calls = calls
        self._rules = rules
        self._bytes = 0

    async def names(self) -> list[str]:
        """As the peer lists them, without a leading slash. Raises DiscoveryFailed, SchemaParse."""
        answer = await self._ask("services/list", {}, _MAX_LIST)
        offered = answer.get("operations") if isinstance(answer, dict) else None
        if not isinstance(offered, list):
            raise SchemaParse("the list of operations is none")
        return [_listed_name(entry) for entry in offered]

    async def specs(self, names: Iterable[str]) -> dict[str, ImportedSpec]:
        """The description of each. Raises DiscoveryFailed, SchemaParse."""
        waiting, found = iter(tuple(names)), dict[str, ImportedSpec]()
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.create_task(self._take(waiting, found))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return found

    async def _take(self, waiting: Iterator[str], found: dict[str, ImportedSpec]) -> None:
        for name in waiting:
            answer = await self._ask("services/schema", {"name": name}, self._rules.max_schema)
            self._count(answer)
            found[name] = read_spec(name, answer)

    def _count(self, answer: Any) -> None:
        self._bytes += len(msgspec.json.encode(answer))
        if self._bytes > self._rules.max_schemas:
            raise TooMuchOffered(f"the descriptions have more than {self._rules.max_schemas} bytes together")

    async def _ask(self, operation: str, value: Any, max_output: int) -> Any:
        try:
            return await self._calls.call(operation, value, timeout=None, max_output=max_output)
        except AnswerTooLarge as error:
            raise TooMuchOffered(f"{operation}: {error.message}") from error
        except CallError as error:
            raise _failure(operation, error) from error


def _listed_name(entry: Any) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise SchemaParse("an operation in the list has no name")
    return name.removeprefix("/")


def _failure(operation: str, error: CallError) -> DiscoveryFailed:
    """What a question of an import ended with. The peer's own words stay in the cause."""
    if isinstance(error.__cause__, StreamError):
        return TransportFailed(f"{operation}: the connection ended")
    if error.code == ErrorCode.FORBIDDEN:
        return Unauthorized(f"{operation}: the peer does not let us ask")
    return DiscoveryFailed(f"{operation} ended with {error.code[:64]}")


def _local_names(remotes: Iterable[str], rules: ImportRules) -> dict[str, str]:
    """The names that operations get here, by those that they have there. Raises SamePeerCollision, TooMuchOffered."""
    names: dict[str, str] = {}
    unfit = 0
    for remote in filter(rules.takes, remotes):
        local = rules.local_name(remote)
        if not _can_be_named(local):
            unfit += 1
        elif remote in names:
            raise SamePeerCollision(f"the peer offers {remote!r} twice")
        elif len(names) >= rules.max_operations:
            raise TooMuchOffered(f"the peer offers more than {rules.max_operations} operations")
        else:
            names[remote] = local
    if unfit:
        logger.warning("operations of a peer have names that none can have here", extra={"left_out": unfit})
    return names


def _can_be_named(name: str) -> bool:
    try:
        check_name(name)
    except RegistrationError:
        return False
    return True


def _operation(calls: CallConnection, rules: ImportRules, remote: str, local: str, spec: ImportedSpec) -> Operation:
    forward: OperationHandler
    if spec.op_type is OperationType.SUBSCRIPTION:
        forward = forward_stream(calls, remote, rules.on_behalf_of)
    else:
        forward = forward_once(calls, remote, rules.on_behalf_of, rules.max_output)
    return Operation(
        local,
        forward,
        spec.op_type,
        Visibility.INTERNAL,
        spec.access,
        spec.input_schema,
        spec.output_schema,
        error_schemas=spec.error_schemas,
        provenance=Provenance.FROM_CALL,
    )
