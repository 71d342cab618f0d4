"""Looking names up for the tester: in a thread of its own, since the system's resolver knows no time-out."""

import socket
import threading

from node.core.forwarding.target import MAX_ADDRESSES, read_address

SECONDS = 2.0
"""How long a name is waited for."""
MAX_LOOKUPS = 4
"""Names that are looked up at once. One that is given up goes on counting until the system gives it up as well."""

_room = threading.BoundedSemaphore(MAX_LOOKUPS)


class NotResolved(Exception):
    """The name has no address that could be judged. The message says why, in a sentence without an end."""


def addresses_of(host: str, *, seconds: float = SECONDS) -> tuple[str, ...]:
    """Every address of a name, as the resolver of this machine gives them. Raises NotResolved."""
    if not _room.acquire(blocking=False):
        raise NotResolved("other names are being looked up: ask again in a moment")
    found: list[tuple[str, ...]] = []
    done = threading.Event()
    threading.Thread(target=_look_up, args=(host, found, done), name="forwarding-tester", daemon=True).start()
    if not done.wait(seconds):
        raise NotResolved(f"{host} could not be looked up within {seconds:g} s")
    if not found:
        raise NotResolved(f"{host} has no address here")
    if len(found[0]) > MAX_ADDRESSES:
        raise NotResolved(f"{host} has more than {MAX_ADDRESSES} addresses")
    return found[0]


def _look_up(host: str, found: list[tuple[str, ...]], done: threading.Event) -> None:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found.append(tuple(dict.fromkeys(str(read_address(str(answer[4][0]))) for answer in answers)))
    except (OSError, UnicodeError):
        pass  # nothing found is the answer
    finally:
        _room.release()
        done.set()
