"""Whether the node is ready, and why not: for its own `/readyz`, and for the panel by `node/status`."""

from typing import TYPE_CHECKING

from node.assembly.store import Store
from node.core.health import Check
from node.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from node.assembly.node import Node

MAX_LOOP_LAG = 1.0
"""Seconds by which the loop may be late."""

_LOG = "the node's log says why"


def node_checks(node: "Node") -> list[Check]:
    """Every check of a node. Microseconds: nothing is asked of any file."""
    return [_serving(node), _vault(node), _index(node.store), _journal(node), _loop(node)]


def _serving(node: "Node") -> Check:
    if node.serving is not None:
        return Check("serving", ok=True, text="it takes connections")
    if node.identity.waits:
        text = "it takes no connections: its key is derived from the vault, which is locked"
        return Check("serving", ok=False, text=text, mend="alknet vault unlock")
    text = "it takes no connections: the list of peers has not been read yet"
    return Check("serving", ok=False, text=text, mend="start the panel once, which makes the database")


def _vault(node: "Node") -> Check:
    match node.keeper.state:
        case "unlocked":
            return Check("vault", ok=True, text="unlocked")
        case "absent":
            return Check("vault", ok=True, text="there is none: no credential can be stored until alknet vault init")
        case _:
            text = f"locked: {node.keeper.reason}" if node.keeper.reason else "locked"
            return Check("vault", ok=False, text=text, mend="alknet vault unlock")


def _index(store: Store) -> Check:
    """Of a store that follows a file: whether it does."""
    if not isinstance(store, SqliteStore):
        return Check("index", ok=True, text="the peers come from a file that is read at the start and on SIGHUP")
    if not store.loaded:
        return Check("index", ok=False, text=f"no list of peers has been read yet{_why(store)}", mend=_LOG)
    if not store.following:
        text = f"the last list of peers is in force, and changes are not followed{_why(store)}"
        return Check("index", ok=False, text=text, mend=_LOG)
    return Check("index", ok=True, text="the list of peers follows the database")


def _why(store: SqliteStore) -> str:
    return f": {store.complaint}" if store.complaint else ""


def _journal(node: "Node") -> Check:
    complaint = node.journal.complaint
    if not complaint:
        return Check("journal", ok=True, text="it is written")
    mend = "make room on the disk, and see that this user may write node.db; events wait in memory meanwhile"
    return Check("journal", ok=False, text=f"it cannot be written: {complaint}", mend=mend)


def _loop(node: "Node") -> Check:
    worst = node.lag.worst
    if worst <= MAX_LOOP_LAG:
        return Check("loop", ok=True, text=f"late by {worst * 1000:.0f} ms at most in the last seconds")
    mend = "the machine has too little processor for what is asked of it; its load and the limits of [quic] tell more"
    return Check("loop", ok=False, text=f"late by {worst:.1f} s in the last seconds", mend=mend)
