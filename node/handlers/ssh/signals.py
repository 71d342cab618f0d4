"""Signals by the names that SSH has for them."""

import signal

_TAKEN = {"HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "KILL"}


def from_client(name: str) -> int | None:
    """The number of a signal that a client may send to its program (RFC 4254 §6.9); None for any other."""
    return signal.Signals[f"SIG{name}"].value if name in _TAKEN else None


def name_of(number: int) -> str:
    """What a client is told that a program has ended by (§6.10).

    A real-time signal, which has no name, is told by its distance from the first.
    """
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return f"RTMIN+{number - signal.SIGRTMIN}"
