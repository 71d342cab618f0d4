"""The protocols of a node."""

from dataclasses import dataclass

from node.assembly.operations import add_installed
from node.assembly.store import Store
from node.core import attempts
from node.core.attempts import TokenGuards
from node.core.handler import ProtocolHandler
from node.core.journal import Journal
from node.core.metrics import Metrics
from node.core.ownership import OwnershipStore
from node.endpoint.registry import HandlerRegistry
from node.handlers.call import handler as call_handler
from node.handlers.call.discovery import register_discovery
from node.handlers.call.handler import ALPN as CALL
from node.handlers.call.handler import CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry
from node.handlers.call.peer_discovery import register_peer_discovery
from node.handlers.register.handler import RegisterHandler
from node.opened import OpenedCredentials
from node.reload import LiveSettings


def call_operations(limits: CallLimits) -> OperationRegistry:
    """What peers can call on this node. Raises RegistrationError."""
    operations = OperationRegistry(OwnershipStore(), development=limits.check_outputs)
    register_discovery(operations)
    if limits.list_peers:
        register_peer_discovery(operations)
    add_installed(operations)
    return operations


@dataclass(frozen=True, slots=True)
class Protocols:
    """Every protocol of the node, and the one by which it is linked to others."""

    registry: HandlerRegistry
    calls: CallHandler


def make_handlers(
    limits: LiveSettings,
    store: Store,
    metrics: Metrics,
    operations: OperationRegistry,
    opened: OpenedCredentials,
    journal: Journal,
    register: RegisterHandler | None = None,
    *others: ProtocolHandler | None,
) -> Protocols:
    """Every protocol, in order of preference, each with the credentials that the settings name for it."""
    guards = TokenGuards(store, lambda: limits.endpoint.value.max_token_failures)
    metrics.add("tokens", guards.snapshot, guards.snapshot, attempts.MEANINGS)
    capabilities = opened.capabilities(CALL.decode())
    calls = CallHandler(operations, store, limits.call, guards, capabilities, journal=journal)
    metrics.add("calls", calls.snapshot, meanings=call_handler.MEANINGS)
    metrics.add_denials("calls", calls.denials)
    handlers = [calls, *(handler for handler in (register, *others) if handler is not None)]
    return Protocols(HandlerRegistry(handlers), calls)
