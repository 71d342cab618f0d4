"""A management command that other programs run: one JSON object on stdin, one JSON object on stdout.

In: {"action": …, "actor": NAME, "values": {…}}. Out: {"ok": true, "result": …} and exit code 0, or
{"ok": false, "error": SENTENCE, "fields": {NAME: [SENTENCE, …]}} and exit code 1. A long action tells before that how
far it is, each time as a line {"progress": {…}}. Arguments and the environment carry nothing: both can be seen by other
users of the machine.
"""

import json
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from apps.audit.actors import Actor, ActorKind
from apps.audit.guards import wrong_guards
from apps.notify.services import missing_triggers
from node.data_lock import DataBusy, in_use

MAX_INPUT = 8 * 1024 * 1024
"""Longest input, in bytes: above the largest peer that the rules allow."""

Reply = dict[str, Any] | list[dict[str, Any]]
Progress = Generator[dict[str, Any], None, Reply]
"""What a long action returns: it yields how far it is, and ends with its reply."""


class BadRequest(Exception):
    """The input is not what the command takes."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.errors = {field: [text]}


class JsonCommand(BaseCommand):
    """Calls `do_<action>(actor, values)` for one of its `actions`."""

    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django
    actions: tuple[str, ...] = ()
    refusals: tuple[type[Exception], ...] = ()
    """What a wish may be refused with: the text is the answer's error, `errors`, where it has them, are its fields."""

    max_input = MAX_INPUT

    def handle(self, *args: Any, **options: Any) -> None:
        answer = self._answer()
        self.stdout.write(json.dumps(answer))
        if not answer["ok"]:
            sys.exit(1)

    def _answer(self) -> dict[str, Any]:
        refused: tuple[type[Exception], ...] = (BadRequest, *self.refusals)
        try:
            request = _read_request(self.max_input)
            with in_use(Path(connection.settings_dict["NAME"]).parent):
                _make_unfinished_database()
                return {"ok": True, "result": self._run(request)}
        except DataBusy as error:
            return {"ok": False, "error": str(error), "fields": {}}
        except refused as error:
            return {"ok": False, "error": str(error), "fields": getattr(error, "errors", {})}
        except DatabaseError as error:
            return {"ok": False, "error": f"The database refused: {error}.", "fields": {}}

    def _run(self, request: Mapping[str, Any]) -> Reply:
        action, actor, values = request.get("action"), request.get("actor"), request.get("values", {})
        if action not in self.actions:
            raise BadRequest("action", f"One of: {', '.join(self.actions)}.")
        if not isinstance(actor, str) or not actor or len(actor) > 255:
            raise BadRequest("actor", "Who asks for this, as a text of at most 255 characters.")
        if not isinstance(values, dict):
            raise BadRequest("values", "An object.")
        reply: Reply | Progress = getattr(self, f"do_{action}")(Actor(ActorKind.CLI, actor), values)
        return self._told(reply) if isinstance(reply, Generator) else reply

    def _told(self, progress: Progress) -> Reply:
        """The reply at the end, after each step was told as it was done."""
        while True:
            try:
                step = next(progress)
            except StopIteration as end:
                reply: Reply = end.value
                return reply
            self.stdout.write(json.dumps({"progress": step}))
            self.stdout.flush()


def _make_unfinished_database() -> None:
    """People may add peers before the appliance has ever run, or has run again after an update.

    The triggers are what a preparation makes last.
    """
    if not Path(connection.settings_dict["NAME"]).exists() or missing_triggers() or wrong_guards():
        call_command("prepare")


def _read_request(most: int) -> Mapping[str, Any]:
    raw = sys.stdin.buffer.read(most + 1)
    if len(raw) > most:
        raise BadRequest("input", f"Longer than {most} bytes.")
    try:
        request = json.loads(raw)
        json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: the shell's stand-in for a byte that is not UTF-8
        raise BadRequest("input", "Not a text: it has bytes that are not UTF-8.") from None
    except (ValueError, RecursionError):
        raise BadRequest("input", "Expected one JSON object on stdin.") from None
    if not isinstance(request, dict):
        raise BadRequest("input", "Expected one JSON object on stdin.")
    return request
