"""`manage.py backups`: the command line's door to the list of backups (alknet_site.json_command)."""

from collections.abc import Mapping
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Reply
from apps.audit.actors import Actor
from apps.backups import services


class Command(JsonCommand):
    help = "Note a backup that was made: one JSON object on stdin, one on stdout."
    actions = ("record",)

    def do_record(self, actor: Actor, values: Mapping[str, Any]) -> Reply:
        try:
            backup = services.record_made(actor=actor, facts=values)
        except (KeyError, TypeError, ValueError):
            raise BadRequest("values", "The facts of a backup: file, size, sha256 and encrypted.") from None
        return {"file": backup.file}
