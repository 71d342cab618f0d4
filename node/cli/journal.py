"""`alknet journal`: what happened to connections. Exit status: 0 shown, 1 no journal, 2 wrong usage, 130 Ctrl-C.

It reads `node.db` by itself: the node need not run, and is not asked.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from node.cli.choices import one_of
from node.cli.journal_text import line
from node.cli.load import settings_or_fail
from node.cli.options import ConfigOption, DataOption, fail
from node.core.journal import EventKind
from node.journal.chosen import Chosen
from node.journal.reader import JournalMissing, JournalReader, JournalReplaced, open_journal
from node.journal.schema import Record

PAGE = 500
"""Events that are read at once."""
RETRY = 0.5
"""Seconds between two tries to open a journal that is gone while it is followed."""

Show = Callable[[Record], None]

_KINDS = f"One of {', '.join(EventKind)}. Repeatable."

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def journal(
    *,
    last: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many of the newest events.")] = 20,
    kind: Annotated[
        list[EventKind] | None,
        typer.Option(
            "--kind", parser=one_of(EventKind), metavar="KIND", help=f"One of {', '.join(EventKind)}. Repeatable."
        ),
    ] = None,
    peer: Annotated[str | None, typer.Option("--peer", help="About this peer.")] = None,
    connection: Annotated[
        int | None, typer.Option("--connection", help="Of this connection; the node's last life.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new ones as they come, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on each line, for programs.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the newest events of the node's journal, the newest last."""
    path = settings_or_fail(data, config).settings.paths.journal
    chosen = Chosen(tuple(kind) if kind else None, peer, connection)
    show = _show_json if as_json else _show_line
    try:
        if follow:
            asyncio.run(_follow(path, chosen, last, show))
        else:
            _show_last(path, chosen, last, show)
    except JournalMissing as error:
        fail(f"{error}; the node makes it when it starts")
    except RuntimeError as error:
        fail(f"the journal cannot be read: {error}")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _show_last(path: Path, chosen: Chosen, last: int, show: Show) -> None:
    with open_journal(path) as reader:
        for record in reader.tail(last, chosen):
            show(record)


async def _follow(path: Path, chosen: Chosen, last: int, show: Show) -> None:
    """A journal that is gone, or another one, is opened anew: its events are all new then."""
    after: int | None = None
    while True:
        try:
            with open_journal(path) as reader:
                reader.watch()
                after = _begin(reader, chosen, last, show) if after is None else after
                while True:
                    after = _show_new(reader, chosen, after, show)
                    await reader.wait()
        except JournalReplaced:
            pass
        except JournalMissing:
            if after is None:
                raise
            await asyncio.sleep(RETRY)


def _begin(reader: JournalReader, chosen: Chosen, last: int, show: Show) -> int:
    """Show the last ones; the number from which on all are new."""
    newest = reader.newest or 0
    for record in reader.tail(last, chosen):
        show(record)
        newest = max(newest, record.number)
    return newest


def _show_new(reader: JournalReader, chosen: Chosen, after: int, show: Show) -> int:
    newest = reader.newest or after
    while records := reader.read(after, PAGE, chosen):
        for record in records:
            show(record)
        after = records[-1].number
    return max(after, newest)  # what was not chosen is not looked at again


def _show_json(record: Record) -> None:
    typer.echo(msgspec.json.encode(asdict(record)).decode())


def _show_line(record: Record) -> None:
    typer.echo(line(record))
