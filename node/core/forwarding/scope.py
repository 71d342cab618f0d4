"""The scope that a peer needs for a target, besides a rule that allows it (spec handlers §1).

| what is asked | scope |
|---|---|
| connect to a host (-L, -D, -W) | `ssh:forward:HOST:PORT` |
| listen on the node (-R) | `ssh:listen:ADDRESS:PORT` |
| connect to a Unix socket | `ssh:forward-unix:PATH` |
| listen on a Unix socket | `ssh:listen-unix:PATH` |

Sockets have words of their own: who may reach every host may not for that reach the socket of a service.
"""

from node.core.forwarding.policy import Direction
from node.core.forwarding.target import AnyTarget, UnixTarget


def scope_of(target: AnyTarget, direction: Direction) -> str:
    """The scope to ask `node.core.scopes.allowed_by_scope` for."""
    word = "forward" if direction == Direction.LOCAL else "listen"
    return f"ssh:{word}-unix:{target}" if isinstance(target, UnixTarget) else f"ssh:{word}:{target}"
