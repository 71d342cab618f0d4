"""`manage.py audit`: the command line's door to the audit log (alknet_site.json_command)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from alknet_site.json_command import BadRequest, JsonCommand, Progress, Reply
from apps.audit.actors import Actor
from apps.audit.checkpoints import NoCheckpoint, checkpoint_json, marks, take_checkpoint
from apps.audit.export import export_pieces
from apps.audit.json_forms import entry_json
from apps.audit.reports import report
from apps.audit.selectors import EntryFilters, entries
from apps.audit.verification import Marks, Verified, verify

MAX_LIMIT = 1000
"""Rows of one answer."""

Values = Mapping[str, Any]

_TEXTS = ("actor", "action", "object_type", "object_id", "request_id")


class Command(JsonCommand):
    help = "Read, verify and export the audit log: one JSON object on stdin, one on stdout."
    refusals = (NoCheckpoint,)
    actions = ("list", "verify", "export", "checkpoint")

    def do_list(self, actor: Actor, values: Values) -> Reply:
        texts = {name: _text(values, name) for name in _TEXTS}
        filters = EntryFilters(**texts, since=_moment(values, "since"), until=_moment(values, "until"))
        found = entries(filters, before=_number(values, "before"), limit=_number(values, "limit") or 50)
        return [entry_json(entry) for entry in found]

    def do_verify(self, actor: Actor, values: Values) -> Progress:
        """Of the checkpoints that others than `keys` have signed none holds, where there are any.

        `exports`: how exports ended that were kept elsewhere, each as {"rows", "hash"}; the log must have those rows.
        """
        keys = values.get("keys") or []
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise BadRequest("keys", "A list of fingerprints.")
        end = Verified()
        for end in verify(_with_exports(values.get("exports") or [])):
            yield {"rows": end.number}
        return report(end, tuple(keys)).json()

    def do_export(self, actor: Actor, values: Values) -> Progress:
        """The lines themselves are the progress; whoever reads them has them all once the reply is there."""
        for piece in export_pieces():
            yield {"lines": piece}
        return {}

    def do_checkpoint(self, actor: Actor, values: Values) -> Reply:
        return checkpoint_json(take_checkpoint())


def _with_exports(ends: Any) -> Marks:
    """What the checkpoints that hold say of the chain, and the ends of exports."""
    found = {number: list(hashes) for number, hashes in marks().items()}
    for end in ends if isinstance(ends, list) else [None]:
        rows, digest = (end.get("rows"), end.get("hash")) if isinstance(end, dict) else (None, None)
        if type(rows) is not int or not 0 <= rows < 2**53 or not isinstance(digest, str):
            raise BadRequest("exports", "A list of the last lines of exports.")
        if rows > 0:
            found.setdefault(rows, []).append(digest)
    return found


def _text(values: Values, name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(name, "A text.")
    return value


def _number(values: Values, name: str) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or value > 2**53:
        raise BadRequest(name, "A whole number above 0.")
    return min(value, MAX_LIMIT) if name == "limit" else value


def _moment(values: Values, name: str) -> datetime | None:
    """UTC, where it says nothing else."""
    text = _text(values, name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(name, "A date such as 2027-01-31, or a time such as 2027-01-31T12:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
