"""What `alknet doctor` finds out about the appliance itself: its data directory, and whether it serves."""

import os

from node.cli.health import node_checks, web_checks
from node.cli.ready_facts import field, is_alive, read_ready
from node.core.finding import Finding, Level
from node.settings import DATA_VARIABLE, Settings


def data(settings: Settings) -> Finding:
    """Whether the data directory is there, and a database in it."""
    directory, database = settings.data, settings.paths.database
    if not os.path.lexists(directory):
        return Finding("data", Level.WARNING, _no_directory(settings))
    if not os.path.isdir(directory):  # noqa: PTH112 - it raises nothing where Path.is_dir does
        return Finding("data", Level.PROBLEM, f"{directory} is not a directory")
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return Finding("data", Level.PROBLEM, f"{directory} cannot be read and written by this user")
    if database.is_file():
        return Finding("data", Level.FINE, f"{directory}, with its database")
    if settings.node.peers_file is not None:
        return Finding("data", Level.FINE, f"{directory}; no database, peers are in {settings.node.peers_file}")
    return Finding("data", Level.WARNING, f"{directory} has no {database.name} yet: the panel's first start makes it")


def _no_directory(settings: Settings) -> str:
    if "data" in settings.model_fields_set:
        return f"{settings.data} is not there: the first start makes it, if that is the right name"
    return f"{settings.data} is not there: name the appliance's with --data or {DATA_VARIABLE}; a first start makes it"


def serving(settings: Settings) -> Finding:
    """Whether panel and node serve, by what `alknet up` has written down and the processes named there."""
    file = settings.paths.ready_file
    try:
        facts = read_ready(file)
    except FileNotFoundError:
        return _each_alone(settings)
    except (OSError, ValueError, RecursionError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is damaged"
        return Finding("serving", Level.WARNING, f"{file} cannot be read: {cause}")
    gone = [name for name in ("web", "node") if not is_alive(field(facts, f"{name}_pid"))]
    if gone:
        text = f"the {' and '.join(gone)} process of {file} is gone: alknet up was ended by force; start it again"
        return Finding("serving", Level.WARNING, text)
    text = f"panel at {field(facts, 'panel_url')}, node at {field(facts, 'node_address')} (UDP)"
    if field(facts, "node_serving") is False:
        return Finding("serving", Level.WARNING, f"{text}, which waits for its vault: alknet vault unlock")
    return Finding("serving", Level.FINE, text)


def _each_alone(settings: Settings) -> Finding:
    """Of services of their own nobody has written down anything: they are asked."""
    checks = [*web_checks(settings), *node_checks(settings)]
    silent = [check.text for check in checks if check.name in ("web", "node")]
    if silent:
        start = "alknet up starts them, or systemctl start alknet.target"
        return Finding("serving", Level.WARNING, f"{'; '.join(silent)}: {start}")
    return Finding("serving", Level.FINE, "panel and node answer, each started by itself")
