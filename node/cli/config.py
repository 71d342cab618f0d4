"""`alknet config show`: every setting, its value and where that is from."""

import json

import typer

from node.cli.load import settings_or_fail
from node.cli.options import ConfigOption, DataOption, JsonOption
from node.cli.table import table
from node.settings import LoadedSettings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def config() -> None:
    """Settings."""


@app.command()
def show(*, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every setting as the next start would use it.

    Secrets are files, so none is shown; a masked type would come out masked.
    """
    loaded = settings_or_fail(data, config)
    if as_json:
        typer.echo(json.dumps({key: {"value": value, "origin": loaded.origins[key]} for key, value in _values(loaded)}))
        return
    rows = [(key, json.dumps(value, ensure_ascii=False), loaded.origins[key]) for key, value in _values(loaded)]
    typer.echo(table(("KEY", "VALUE", "FROM"), rows))


def _values(loaded: LoadedSettings) -> list[tuple[str, object]]:
    tree = loaded.settings.model_dump(mode="json")
    return [(key, _at(tree, key)) for key in loaded.origins]


def _at(tree: object, key: str) -> object:
    for name in key.split("."):
        tree = tree[name] if isinstance(tree, dict) else None
    return tree
