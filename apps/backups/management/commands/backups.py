"""`manage.py backups`: the command line's door to the list of backups (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.audit.actors import Actor
from apps.audit.checkpoints import NoCheckpoint, take_checkpoint
from apps.backups import services


class Command(JsonCommand):
    help = "Sign the log before a backup, and note one that was made: one JSON object on stdin, one on stdout."
    actions = ("sign", "record")

    def do_sign(self, actor: Actor, values: Mapping[str, Any]) -> Reply:
        """That it cannot be signed is no reason against a backup."""
        try:
            return {"number": take_checkpoint().number}
        except (NoCheckpoint, DatabaseError) as error:
            return {"reason": str(error)}

    def do_record(self, actor: Actor, values: Mapping[str, Any]) -> Reply:
        try:
            backup = services.record_made(actor=actor, facts=values)
        except (KeyError, TypeError, ValueError):
            raise BadRequest("values", "The facts of a backup: file, size, sha256 and encrypted.") from None
        return {"file": backup.file}
