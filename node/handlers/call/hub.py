"""A node that offers its handlers what other nodes can do (spec call §13). Called after each connect:

    connection = await dial(address, ALPN, key=key, pin=pin)
    calls = handler.calls(connection, AuthContext(Identity("worker-a"), ALPN, tls_client_fingerprint=pin))
    running = asyncio.create_task(calls.run())
    await import_peer(calls, handler.peers)

From then on a handler can compose the peer's operations, whoever asked for that handler, by any connection; until this
connection ends.
"""

from functools import partial

from node.handlers.call.connection import CallConnection
from node.handlers.call.import_errors import TransportFailed
from node.handlers.call.imports import TAKE_ALL, ImportRules, from_call
from node.handlers.call.operation import Operation
from node.handlers.call.peers import PeerMap


async def import_peer(calls: CallConnection, peers: PeerMap, rules: ImportRules = TAKE_ALL) -> tuple[Operation, ...]:
    """Import what the peer of a running connection offers, and give it. Raises ImportFailed, and has done nothing then.

    Called again, it adds what is new and replaces what is known. What a peer without an identity offers is found in
    `calls.imported` and nowhere else: there is no name by which a handler could ask for it.
    """
    operations = await from_call(calls, rules)
    if calls.ended:
        raise TransportFailed("the connection ended")
    calls.imported.add(operations)
    peer = calls.auth.identity
    if peer is not None:
        peers.attach(peer.id, calls.imported)
        calls.on_end(partial(peers.detach, peer.id, calls.imported))
    return operations


async def renew_import(
    calls: CallConnection, peers: PeerMap, name: str, rules: ImportRules = TAKE_ALL
) -> tuple[Operation, ...]:
    """Import what the peer offers now in the place of all that was imported before, to be found under `name`.

    Whoever uses this also calls `withdraw_import` when the connection ends. Raises ImportFailed and RegistrationError,
    and has done nothing then.
    """
    operations = await from_call(calls, rules)
    if calls.ended:
        raise TransportFailed("the connection ended")
    calls.imported.replace(operations)
    peers.attach(name, calls.imported)
    return operations


def withdraw_import(calls: CallConnection, peers: PeerMap, name: str) -> None:
    """Have nothing imported by this connection any more. Harmless when repeated."""
    peers.detach(name, calls.imported)
    calls.imported.replace(())
