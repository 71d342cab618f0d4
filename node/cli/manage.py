"""The way to Django: `manage.py` runs in a process of its own, for `node` never imports Django."""

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from node.cli.options import EXIT_FAILED, data_directory_or_fail, fail
from node.settings import CONFIG_VARIABLE, DATA_VARIABLE, LoadedSettings, variable_name

MANAGE = Path(__file__).parents[2] / "manage.py"


def child_environment(loaded: LoadedSettings, config: Path | None = None) -> dict[str, str]:
    """What a child needs to find the same settings; none of it is a secret.

    Of the addresses only those that an option gave: a child reads the file itself, and would take what it finds there
    for overruled.
    """
    settings = loaded.settings
    environment = {DATA_VARIABLE: str(settings.data)}
    for key, value in (("node.listen", settings.node.listen), ("panel.listen", settings.panel.listen)):
        if loaded.origins[key] == "option":
            environment[variable_name(tuple(key.split(".")))] = value
    return environment if config is None else {**environment, CONFIG_VARIABLE: str(config.absolute())}


def manage_argv(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(MANAGE), *arguments)


def request(loaded: LoadedSettings, command: str, action: str, values: Mapping[str, Any]) -> Any:
    """Run one action of a management command: JSON in on stdin, its result out. Ends the command on any error.

    The management command makes the database where there is none, so that peers can be added before the first start.
    Only in a directory that was named, though: elsewhere it would be one that no node reads.
    """
    settings = loaded.settings
    if loaded.origins["data"] == "default" and not settings.data.exists():
        fail(f"there is no data directory {settings.data}: name the appliance's with --data or {DATA_VARIABLE}")
    data_directory_or_fail(settings)
    body = json.dumps({"action": action, "actor": f"cli:{_user()}", "values": values})
    ran = _run(loaded, command, body)
    try:
        answer = json.loads(ran.stdout)
    except ValueError:
        fail(f"manage.py {command} failed (status {ran.returncode}):\n{ran.stderr.strip()}")
    if not answer.get("ok"):
        _refuse(answer)
    return answer["result"]


def _run(loaded: LoadedSettings, command: str, body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        manage_argv(command),
        input=body,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **child_environment(loaded)},
    )


def _refuse(answer: Mapping[str, Any]) -> None:
    """Show an error answer, one line for each field."""
    fields: Mapping[str, list[str]] = answer.get("fields") or {}
    for name, texts in fields.items():
        for text in texts:
            typer.echo(f"alknet: {name}: {text}", err=True)
    if not fields:
        typer.echo(f"alknet: {answer.get('error', 'refused')}", err=True)
    raise typer.Exit(EXIT_FAILED)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
