"""`alknet user …`: who may use the panel, and as what. Every command runs the same services as the panel."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.choices import one_of
from node.cli.load import settings_or_fail
from node.cli.manage import request
from node.cli.options import DataOption, JsonOption
from node.cli.secrets_in import ask_new_secret, secret_from
from node.cli.table import table
from node.core.text import printable

_HEADER = ("USER", "ROLE", "STATE", "LAST SIGN-IN (UTC)")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


class RoleName(StrEnum):
    """What a user can be."""

    OWNER = "owner"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    VIEWER = "viewer"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
RoleArgument = Annotated[
    RoleName, typer.Argument(parser=one_of(RoleName), metavar="ROLE", help="owner, operator, auditor or viewer.")
]
PasswordOption = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="Read the password there, or from standard input for -."),
]


@app.callback()
def user() -> None:
    """Who may use the panel, and as what."""


@app.command("list")
def list_(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the users."""
    found = _ask("list", {}, data)
    typer.echo(json.dumps(found) if as_json else table(_HEADER, [_row(entry) for entry in found]))


@app.command()
def add(
    name: Name,
    role: RoleArgument,
    *,
    password_file: PasswordOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user. The password is asked for, or read from a file."""
    values = {"username": name, "role": role.value, "password": _password(password_file)}
    _tell("add", values, data, None if as_json else f"Added {printable(name)}, {role.value}.")


@app.command()
def role(name: Name, role: RoleArgument, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Give a user another role. The last owner keeps theirs."""
    values = {"username": name, "role": role.value}
    _tell("role", values, data, None if as_json else f"{printable(name)} is {role.value} now.")


@app.command()
def disable(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Let a user in no more; their sessions end at once."""
    _tell("disable", {"username": name}, data, None if as_json else f"Disabled {printable(name)}.")


@app.command()
def enable(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Let a user in again."""
    _tell("enable", {"username": name}, data, None if as_json else f"Enabled {printable(name)}.")


@app.command()
def remove(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Remove a user."""
    _tell("remove", {"username": name}, data, None if as_json else f"Removed {printable(name)}.")


@app.command("reset-password")
def reset_password(
    name: Name, *, password_file: PasswordOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Give a user a new password; their sessions end."""
    values = {"username": name, "password": _password(password_file)}
    _tell("password", values, data, None if as_json else f"{printable(name)} has a new password.")


@app.command("reset-mfa")
def reset_mfa(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Take a user's second factors and recovery codes away, as for a lost phone."""
    _tell("reset_mfa", {"username": name}, data, None if as_json else f"{printable(name)} has no second factor now.")


@app.command("end-sessions")
def end_sessions(name: Name, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Sign a user out everywhere."""
    _tell("end_sessions", {"username": name}, data, None if as_json else f"{printable(name)} is signed out everywhere.")


def _password(file: Path | None) -> str:
    option = "--password-file"
    with ask_new_secret("Password", option) if file is None else secret_from(file, option) as secret:
        return secret.reveal()


def _ask(action: str, values: dict[str, Any], data: Path | None) -> Any:
    return request(settings_or_fail(data), "users", action, values)


def _tell(action: str, values: dict[str, Any], data: Path | None, sentence: str | None) -> None:
    """Do it, then say so in one sentence; without one, print the result as JSON."""
    done = _ask(action, values, data)
    typer.echo(json.dumps(done) if sentence is None else sentence)


def _row(entry: dict[str, Any]) -> tuple[str, str, str, str]:
    state = "enabled" if entry["enabled"] else "disabled"
    last = (entry["last_login"] or "never")[:16].replace("T", " ")
    return printable(entry["username"]), entry["role"] or "none", state, last
