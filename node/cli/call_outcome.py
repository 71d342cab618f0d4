"""What became of calls, as messages and exit statuses that every command shares which calls a node."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import typer

from node.cli.options import EXIT_FAILED, fail
from node.core.errors import DialError, PinMismatch
from node.core.text import printable
from node.handlers.call.errors import CallError

EXIT_NO_CONNECTION = 3
EXIT_PIN = 4
EXIT_INTERRUPTED = 130

DETAILS = 500
"""Characters of an error's details that people are shown; `--json` has all of them."""

T = TypeVar("T")


def run_calls(address: str, calls: Coroutine[Any, Any, T], *, as_json: bool) -> T:
    """What the calls of a node at `address` give, or the end of the command with the reason."""
    try:
        return asyncio.run(calls)
    except PinMismatch as error:
        fail(_located(address, error), EXIT_PIN)
    except DialError as error:
        fail(_located(address, error), EXIT_NO_CONNECTION)
    except CallError as error:
        _show_error(error, as_json=as_json)
        raise typer.Exit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _located(address: str, error: DialError) -> str:
    """The error with the address as it was given, where the error does not name that itself."""
    return str(error) if address in str(error) else f"{address}: {error}"


def _show_error(error: CallError, *, as_json: bool) -> None:
    cause = str(error.__cause__) if error.__cause__ else None
    if not as_json:
        fail(printable(f"{error}{_details_text(error)}{f' ({cause})' if cause else ''}"))
    details = {} if error.details is msgspec.UNSET else {"details": error.details}
    shown = {"code": error.code, "message": error.message, "retryable": error.retryable, "cause": cause, **details}
    typer.echo(json.dumps({"error": shown}))


def _details_text(error: CallError) -> str:
    """What the node adds to an error, for people: as JSON, cut where it gets long."""
    if error.details is msgspec.UNSET:
        return ""
    text = json.dumps(error.details, ensure_ascii=False)
    return f" {text if len(text) <= DETAILS else text[:DETAILS] + '…'}"
