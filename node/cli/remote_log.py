"""What happened and what was changed, by REST, as `manage.py activity` and `manage.py audit` answer."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from node.cli.options import EXIT_USAGE, fail
from node.cli.remote_forms import Values, fields, plain
from node.client.rest import RestClient


def activity(client: RestClient, values: Values) -> Any:
    """What happened, the newest first."""
    filters = fields(values, "kinds", "limit", "before") | {"kind": values.get("kinds")}
    if "before" in values:
        fail("--before cannot be used with --remote: use --until", EXIT_USAGE)
    return [plain(event) | {"told": event.reason} for event in islice(client.events(**filters), values["limit"])]


def changes(client: RestClient, values: Values) -> Any:
    """What was changed, the newest first."""
    if values.get("before") is not None:
        fail("--before cannot be used with --remote: use --until", EXIT_USAGE)
    found = client.changes(**fields(values, "limit", "before"))
    return [plain(change) for change in islice(found, values.get("limit") or 50)]


def verify(client: RestClient, values: Values) -> Any:
    """What the panel finds of its own log. What was kept elsewhere is held against it on the machine itself."""
    if values.get("keys") or values.get("exports"):
        fail("--key and --export cannot be used with --remote: run it on the machine itself", EXIT_USAGE)
    return client.verify_log()


def export(progress: Callable[[Mapping[str, Any]], None], client: RestClient, _: Values) -> Any:
    """The log as it comes, to whoever listens."""
    for piece in client.export_log():
        progress({"lines": piece.decode("utf-8", "replace")})
    return {}
