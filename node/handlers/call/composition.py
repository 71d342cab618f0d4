"""The two ways in which a call begins: asked for by the wire, and by the handler of another call (spec call §9, §12).

Nothing else makes a context that composes. What decides on the rights of a call, `internal` among it, is no argument of
a context's constructor.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from node.handlers.call.admission import accept, admit
from node.handlers.call.authority import NOTHING_IN_REACH
from node.handlers.call.call_tree import AbortPolicy, Call, ComposedTasks
from node.handlers.call.errors import not_found
from node.handlers.call.invoke import invoke
from node.handlers.call.operation import Operation, OperationContext
from node.handlers.call.peers import PeerRef, SpecificPeer
from node.handlers.call.request_id import fresh_id

if TYPE_CHECKING:
    from node.handlers.call.env import Environment

Find = Callable[[str, PeerRef], Operation | None]
"""Which operation a name means, with any peer or a specific one."""


def root_call(composed: ComposedTasks, env: "Environment", context: OperationContext) -> Call:
    """The call that a peer's request is, for whose handler `context` was made."""
    return _bind(context, Call(composed, env, context))


async def compose(
    find: Find, name: str, value: Any, parent: OperationContext, peer: PeerRef, policy: AbortPolicy | None
) -> Any:
    """Have `name` run for the handler whose context `parent` is, and give its output. Raises CallError.

    What is out of reach does not exist for the handler; this is the one place that looks at it (deviation D16). It is
    the composing handler's authority that is judged, whoever called that handler (deviation D8).
    """
    parent.call.check_open()
    operation = find(name, peer) if _reaches(parent, name, peer) else None
    if operation is None:
        raise not_found(name)
    admit(operation, parent.handler_identity, parent.ownership)
    accept(operation, value, parent.handler_identity, parent.ownership)
    context = _child(operation, parent, policy)
    call = parent.call.below(context)
    _bind(context, call)
    object.__setattr__(context, "internal", True)
    return await call.run(lambda: invoke(operation, value, context))


def _reaches(parent: OperationContext, name: str, peer: PeerRef) -> bool:
    return parent.scoped_env.allows(name, peer.peer_id if isinstance(peer, SpecificPeer) else None)


def _child(operation: Operation, parent: OperationContext, policy: AbortPolicy | None) -> OperationContext:
    """Neither metadata nor `forwarded_for` are inherited: what a handler keeps there is for nobody else."""
    return OperationContext(
        fresh_id(),
        identity=parent.handler_identity,
        connection=parent.connection,
        forwarded_for=None,
        deadline=parent.deadline,
        capabilities=parent.capabilities,
        handler_identity=operation.handler_identity,
        scoped_env=operation.scoped_env or NOTHING_IN_REACH,
        ownership=parent.ownership,
        parent_request_id=parent.request_id,
        abort_policy=policy or parent.abort_policy,
    )


def _bind(context: OperationContext, call: Call) -> Call:
    object.__setattr__(context, "_call", call)
    return call
