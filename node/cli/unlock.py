"""`alknet unlock`: lift a lock. It goes to the database, and so works whatever is locked.

Exit status: 0 it is lifted, 1 there is no such lock, 2 wrong usage.
"""

import json
from typing import Annotated

import typer

from node.cli.load import settings_or_fail
from node.cli.lock_words import what_words
from node.cli.manage import request
from node.cli.options import EXIT_USAGE, DataOption, JsonOption, fail
from node.core.text import printable

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def unlock(
    lock: Annotated[str, typer.Argument(metavar="ID", help="See alknet locks; its first characters do.")] = "",
    *,
    ended: Annotated[bool, typer.Option("--ended", help="Remove all that have come to their end.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift a lock: what it held is free at once, unless another lock holds it too."""
    if bool(lock) is ended:
        fail("give one of ID and --ended", EXIT_USAGE)
    action, values = ("tidy", {}) if ended else ("unlock", {"id": lock})
    done = request(settings_or_fail(data), "locks", action, values)
    if as_json:
        typer.echo(json.dumps(done))
    elif ended:
        typer.echo(f"Removed {done['removed']} lock{'' if done['removed'] == 1 else 's'}.")
    else:
        verb = "Unlocked" if done["holds"] else "Removed the ended lock of"
        typer.echo(printable(f"{verb} {what_words(done)}."))
