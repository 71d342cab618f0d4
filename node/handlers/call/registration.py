"""What is checked of an operation before it is taken. Each sentence says what to mend; all of them stop the start."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from node.handlers.call.authority import Provenance
from node.handlers.call.errors import PROTOCOL_CODES, DeclaredError, RegistrationError

MAX_NAME = 255
NEVER = "vault"
"""The namespace that nothing may have: no vault can be reached by a call, from anywhere (spec vault §1)."""


def check_name(name: str) -> None:
    """A name is two or more parts with slashes between them, printable and without spaces."""
    parts = name.split("/")
    if len(parts) < 2 or not all(parts):
        raise RegistrationError(f"{name!r}: an operation is named service/op, without a leading slash")
    if len(name) > MAX_NAME or not name.isprintable() or any(char.isspace() for char in name):
        raise RegistrationError(f"{name!r}: a name has {MAX_NAME} characters at most, printable ones and no spaces")
    if parts[0] == NEVER:
        raise RegistrationError(f"{name!r}: the vault has no operations")


def check_kind(name: str, handler: Callable[..., Any], *, streams: bool) -> None:
    """A query or mutation is a coroutine function, a subscription an asynchronous generator function."""
    function = _function(handler)
    if streams and not inspect.isasyncgenfunction(function):
        raise RegistrationError(
            f"{name!r}: a subscription is an asynchronous generator function: write `async def` and `yield` its outputs"
        )
    if streams or inspect.iscoroutinefunction(function):
        return
    if inspect.isasyncgenfunction(function):
        raise RegistrationError(
            f"{name!r} yields outputs, and a query or mutation has one: return it, or make this a subscription"
        )
    raise RegistrationError(f"{name!r} is not a coroutine function: write `async def`")


def check_codes(name: str, declared: Sequence[DeclaredError]) -> None:
    """Every declared code is the operation's own, and declared once."""
    codes = [known.code for known in declared]
    for code in codes:
        if not code.strip():
            raise RegistrationError(f"{name!r}: a declared error has no code; give it one such as FILE_NOT_FOUND")
        if code in PROTOCOL_CODES:
            raise RegistrationError(
                f"{name!r}: {code} is the protocol's own and needs no declaration: take another code"
            )
        if codes.count(code) > 1:
            raise RegistrationError(f"{name!r} declares {code} twice: take one of the two away")


def check_provenance(name: str, provenance: Provenance, *, composes: bool, external: bool) -> None:
    """What is imported composes nothing; what an agent wrote or another node offers is internal."""
    if composes and not provenance.composes:
        raise RegistrationError(
            f"{name!r} is imported ({provenance}) and composes nothing: it has neither authority nor scoped environment"
        )
    if external and provenance.always_internal:
        raise RegistrationError(f"{name!r}: an operation of provenance {provenance} is internal")


def _function(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind a partial, or behind an object that can be called."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    return handler if inspect.isroutine(handler) else type(handler).__call__
