"""The operations of the control socket. They have a registry of their own: no network peer can reach one of them.

The vault is not known here. The assembly gives two functions that seal, and there is none that opens.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from node.control import inputs
from node.control.administrator import MAY_ADMINISTER, MAY_SEAL
from node.control.errors import SEALING_ERRORS, invalid_input, sealing_failed
from node.control.limits import MAX_INPUT, MAX_RESEAL_INPUT
from node.core.text import printable
from node.handlers.call.errors import CallError
from node.handlers.call.operation import OnceHandler, Operation, OperationContext, OperationRegistry, OperationType

Json = Mapping[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which live connections are meant: one by its id, those of a peer, or with neither given all of them."""

    id: int | None = None
    peer: str | None = None


class Administered(Protocol):
    """What the assembly lets the administrator see and do."""

    def status(self) -> Json:
        """The facts of `node/status` (docs/control.md)."""
        ...

    def connections(self, after: int, limit: int) -> Sequence[Json]:
        """Live connections with an id above `after`, in the order of their ids, `limit` at most."""
        ...

    def connections_of(self, ids: Iterable[int]) -> Sequence[Json]:
        """Those of these ids that live, in the order of their ids."""
        ...

    def disconnect(self, which: Selection, reason: str) -> int:
        """Close these and tell each peer `reason`; how many there were."""
        ...


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals, and seals anew under another key. Each raises CallError VAULT_LOCKED or SEALING_FAILED.

    `seal` takes the secret and a key version, or None for the current one; `reseal` a blob and the version to reach.
    Both give a blob: `key_version`, `salt`, `iv` and `data` (spec vault §9).
    """

    seal: Callable[[str, int | None], Json]
    reseal: Callable[[Json, int], Json]


def control_registry(
    administered: Administered, sealing: Sealing, further: Iterable[Operation] = ()
) -> OperationRegistry:
    """Everything that can be asked over the control socket; `further` is what other modules of this room offer."""
    node, seals = _NodeOperations(administered), _SealOperations(sealing)
    query, mutation = OperationType.QUERY, OperationType.MUTATION
    registry = OperationRegistry()
    for operation in (
        Operation("node/status", node.status, query, access=MAY_ADMINISTER, max_input=MAX_INPUT),
        Operation("node/connections", node.connections, query, access=MAY_ADMINISTER, max_input=MAX_INPUT),
        Operation("node/disconnect", node.disconnect, mutation, access=MAY_ADMINISTER, max_input=MAX_INPUT),
        _sealing("credentials/seal", seals.seal, MAX_INPUT),
        _sealing("credentials/reseal", seals.reseal, MAX_RESEAL_INPUT),
        *further,
    ):
        registry.register(operation)
    return registry


def _sealing(name: str, handler: OnceHandler, max_input: int) -> Operation:
    return Operation(name, handler, access=MAY_SEAL, max_input=max_input, error_schemas=SEALING_ERRORS)


class _NodeOperations:
    """What the node does, and an end to it."""

    def __init__(self, administered: Administered) -> None:
        self._node = administered

    async def status(self, _: Any, __: OperationContext) -> Json:
        return self._node.status()

    async def connections(self, value: Any, _: OperationContext) -> Json:
        asked = inputs.read(value, inputs.ConnectionsInput)
        if asked.ids is not None:
            return {"connections": self._node.connections_of(asked.ids), "next": None}
        page = self._node.connections(asked.after, asked.limit)
        return {"connections": page, "next": page[-1]["id"] if len(page) == asked.limit else None}

    async def disconnect(self, value: Any, context: OperationContext) -> Json:
        asked = inputs.read(value, inputs.DisconnectInput)
        which = _selection(asked)
        reason = _one_line(asked.reason)
        closed = self._node.disconnect(which, reason)
        by = context.identity.id if context.identity else None
        logger.info("disconnected on request", extra={"by": by, "closed": closed, "reason": reason, **_told(which)})
        return {"closed": closed}


class _SealOperations:
    """Secrets in, sealed blobs out."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing

    async def seal(self, value: Any, _: OperationContext) -> Json:
        asked = inputs.read(value, inputs.SealInput)
        inputs.secret_bytes(asked.plaintext)
        return _without_traces(lambda: self._sealing.seal(asked.plaintext, asked.key_version))

    async def reseal(self, value: Any, _: OperationContext) -> Json:
        asked = inputs.read(value, inputs.ResealInput)
        blob = {name: getattr(asked.credential, name) for name in ("key_version", "salt", "iv", "data")}
        return _without_traces(lambda: self._sealing.reseal(blob, asked.key_version))


def _without_traces(work: Callable[[], Json]) -> Json:
    """What `work` gives. Of an error that nobody foresaw only its kind is told: its text could hold the secret."""
    try:
        return work()
    except CallError:
        raise
    except Exception as error:  # noqa: BLE001 - it is logged, but not with its text
        logger.error("sealing failed", extra={"error": type(error).__name__})
    raise sealing_failed("the vault could not do it; the node's log names the kind of error")


def _selection(asked: inputs.DisconnectInput) -> Selection:
    given = [asked.id is not None, asked.peer is not None, asked.all]
    if sum(given) != 1:
        raise invalid_input("exactly one of id, peer and all says which connections to end")
    return Selection(asked.id, asked.peer)


def _told(which: Selection) -> dict[str, Any]:
    """The selection for a log line."""
    return {"connection": which.id, "peer_id": which.peer}


def _one_line(text: str) -> str:
    """Printable, for it is shown on the terminals and in the logs of others."""
    return printable(text, " ").strip()
