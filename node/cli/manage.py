"""The way to Django: `manage.py` runs in a process of its own, for `node` never imports Django."""

import contextlib
import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn

import typer

from node.cli.load import data_directory_or_fail
from node.cli.options import EXIT_FAILED, fail
from node.cli.remote_choice import chosen
from node.core.text import printable
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


def request(
    loaded: LoadedSettings,
    command: str,
    action: str,
    values: Mapping[str, Any],
    progress: Callable[[Mapping[str, Any]], None] | None = None,
) -> Any:
    """Run one action of a management command: JSON in on stdin, its result out. Ends the command on any error.

    With --remote it is asked of the REST API there instead (node.cli.remote).

    `progress` is called with each step that a long action tells of while it goes on. The management command makes the
    database where there is none, so that peers can be added before the first start. Only in a directory that was named,
    though: elsewhere it would be one that no node reads.
    """
    if (remote := chosen()) is not None:
        return import_module("node.cli.remote").ask(remote, command, action, values, progress)
    settings = loaded.settings
    if loaded.origins["data"] == "default" and not settings.data.exists():
        fail(f"there is no data directory {settings.data}: name the appliance's with --data or {DATA_VARIABLE}")
    data_directory_or_fail(settings)
    body = json.dumps({"action": action, "actor": f"cli:{_user()}", "values": values})
    answers = _answers(loaded, command, body)
    while "progress" in (answer := next(answers)):
        if progress is not None:
            progress(answer["progress"])
    answers.close()
    return answer["result"] if answer.get("ok") else _refuse(answer)


def _answers(loaded: LoadedSettings, command: str, body: str) -> Generator[Mapping[str, Any], None, None]:
    """Each line that the management command prints, when it prints it. Where it breaks off, the end of this one too."""
    environment = {**os.environ, **child_environment(loaded)}
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            manage_argv(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env=environment,
        ) as child,
    ):
        _write(child.stdin, body)
        for line in child.stdout or ():
            if (answer := _parsed(line)) is not None:
                yield answer
        status = child.wait()
        complaints.seek(0)
        fail(f"manage.py {command} failed (status {status}):\n{complaints.read().strip()}")


def _write(stdin: IO[str] | None, body: str) -> None:
    """All of it, and the end; a child that has ended already says itself why."""
    with contextlib.suppress(BrokenPipeError), stdin or contextlib.nullcontext():
        if stdin is not None:
            stdin.write(body)


def _parsed(line: str) -> Mapping[str, Any] | None:
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _refuse(answer: Mapping[str, Any]) -> NoReturn:
    """Show an error answer, one line for each field. It may repeat a file that comes from anywhere."""
    fields: Mapping[str, list[str]] = answer.get("fields") or {}
    for name, texts in fields.items():
        for text in texts:
            typer.echo(printable(f"alknet: {name}: {text}"), err=True)
    if not fields:
        typer.echo(printable(f"alknet: {answer.get('error', 'refused')}"), err=True)
    raise typer.Exit(EXIT_FAILED)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
