"""Options that several commands share, and the way to end one. What reads settings is beside this: it takes longer."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

EXIT_FAILED = 1
EXIT_USAGE = 2

DataOption = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Data directory; or ALKNET_DATA.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file; or ALKNET_CONFIG, else DIR/alknet.toml.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value, for programs.")]
ReadyOption = Annotated[int | None, typer.Option("--ready-fd", hidden=True, help="Descriptor of the lifeline.")]


def fail(message: str, status: int = EXIT_FAILED) -> NoReturn:
    """Say why on stderr and end the command."""
    typer.echo(f"alknet: {message}", err=True)
    raise typer.Exit(status)
