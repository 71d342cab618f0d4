"""`alknet init`: the same as `alknet vault init`."""

import typer

from node.cli import vault_change

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
app.command("init")(vault_change.init)
