"""`alknet doctor`: what runs here, what this machine lacks, and what to do about it.

Exit status: 0 fine, warnings included; 1 at least one problem; 2 wrong settings.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Annotated

import typer

from node.cli import (
    appliance_checks,
    audit_checks,
    backup_checks,
    database_checks,
    machine_checks,
    network_checks,
    peer_service_checks,
    permission_checks,
    vault_checks,
)
from node.cli.load import settings_or_fail
from node.cli.options import EXIT_FAILED, ConfigOption, DataOption, JsonOption
from node.cli.table import table
from node.core.finding import Finding, Level
from node.quic.accelerated import Build, find, load
from node.quic.tls.keys import KeyFileError
from node.quic.udp.buffers import shortfalls_here
from node.quic.udp.options import BUFFER
from node.quic.version import WANTED
from node.settings import Settings

Check = Callable[[Settings], Finding]
QuickOption = Annotated[bool, typer.Option("--quick", help="Leave out what takes longer: disk, databases, SQLite.")]

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def doctor(
    *, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False, quick: QuickOption = False
) -> None:
    """Check this machine, this installation and its data directory. Wrong settings end it with 2, each named."""
    settings = settings_or_fail(data, config).settings
    findings = [finding(check, settings) for check in CHECKS if not (quick and check in SLOW)]
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        rows = [(finding.name, finding.level, finding.text) for finding in findings]
        typer.echo(table(("CHECK", "LEVEL", "FINDING"), rows))
    if any(finding.level is Level.PROBLEM for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def finding(check: Check, settings: Settings) -> Finding:
    """What it finds; that it cannot look is a finding too, and holds up none of the others."""
    try:
        return check(settings)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Finding(check.__name__, Level.PROBLEM, f"it cannot be looked at: {where}{error.strerror or error}")


def engine(settings: Settings) -> Finding:
    """Which build of the QUIC engine the node would run, and whether it is the wanted version."""
    running = load(settings.node.engine)
    # Only now, for it imports the engine.
    selftest = import_module("node.quic.selftest")
    try:
        selftest.check_engine()
    except selftest.EngineMismatch as error:
        return Finding("engine", Level.PROBLEM, f"{error}; scripts/up installs it")
    text = f"{running}, aioquic {WANTED}"
    if running is Build.ACCELERATED:
        return Finding("engine", Level.FINE, text)
    if settings.node.engine == "stock":
        return Finding("engine", Level.FINE, f"{text}: node.engine says so")
    objection = find().objection
    if objection is None:
        return Finding("engine", Level.WARNING, f"{text}: the accelerated engine cannot be imported")
    return Finding("engine", objection.level, f"{text}: {objection.value}")


def buffers(_: Settings) -> Finding:
    """Whether the system lets a socket have the buffers that the node asks for."""
    try:
        missing = shortfalls_here()
    except OSError as error:
        return Finding("buffers", Level.PROBLEM, f"no UDP socket can be made: {error.strerror}")
    if not missing:
        return Finding("buffers", Level.FINE, f"{BUFFER // 1024} KiB each way, as asked")
    again = "a file in /etc/sysctl.d keeps that over a restart, and a container takes it from its host"
    return Finding("buffers", Level.WARNING, f"{'; '.join(map(str, missing))}; {again}")


def certificate(settings: Settings) -> Finding:
    """Whether the operator's certificate can be served, and for how long yet."""
    # As above: it imports the engine.
    operator = import_module("node.quic.tls.operator_files")
    files = operator.operator_files(settings.node.certificate, settings.node.certificate_key)
    if files is None:
        return Finding("certificate", Level.FINE, "none is given (node.certificate): browsers are shown the node's own")
    try:
        certified = files.load()
    except KeyFileError as error:
        return Finding("certificate", Level.PROBLEM, str(error))
    if problem := operator.out_of_time(certified):
        return Finding("certificate", Level.PROBLEM, f"{files.certificate} {problem}; browsers refuse it")
    if notice := operator.soon_over(certified):
        again = "a running node takes a new one from the same file by itself"
        return Finding("certificate", Level.WARNING, f"{files.certificate} {notice}; {again}")
    until = f"{certified.leaf.not_valid_after_utc:%Y-%m-%d}"
    return Finding("certificate", Level.FINE, f"{files.certificate} is valid until {until}")


CHECKS: tuple[Check, ...] = (
    engine,
    buffers,
    network_checks.udp,
    network_checks.ports,
    machine_checks.clock,
    machine_checks.disk,
    machine_checks.locks,
    database_checks.sqlite,
    certificate,
    appliance_checks.data,
    permission_checks.permissions,
    database_checks.database,
    database_checks.journal,
    vault_checks.vault,
    backup_checks.backups,
    audit_checks.audit,
    peer_service_checks.ssh,
    peer_service_checks.files,
    appliance_checks.serving,
)
"""Each answers within a second, but for those that are slow, and where a process hangs that is asked."""

SLOW: tuple[Check, ...] = (
    machine_checks.disk,
    machine_checks.locks,
    database_checks.sqlite,
    database_checks.database,
    database_checks.journal,
)
"""These write to the disk, start a process, or go through a file for some seconds at most."""
