"""What `alknet doctor` finds out about what peers may do on this machine: by SSH, and with files."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from node.control.client import ControlClient, ControlError
from node.core.address import format_host_port
from node.core.finding import Finding, Level
from node.handlers.sftp.limits import BucketSettings
from node.handlers.ssh.errors import CannotRun
from node.handlers.ssh.forwarding.proxy import Proxy
from node.handlers.ssh.local_user import local_user
from node.settings import Settings
from node.store.database import DatabaseMissing, open_database

ASK_SECONDS = 1.0


def ssh(settings: Settings) -> Finding:
    """Whether what the settings let peers run can be run, and what they would get besides."""
    if not settings.ssh.enabled:
        return Finding("ssh", Level.FINE, "off (ssh.enabled)")
    wrong = "; ".join(_wrong_with_ssh(settings))
    if wrong:
        return Finding("ssh", Level.WARNING, wrong)
    return Finding("ssh", Level.FINE, f"{_runs(settings)}; {_forwards(settings)}")


def files(settings: Settings) -> Finding:
    """Whether each bucket is a directory that this user can use."""
    buckets = settings.sftp.buckets
    wrong = "; ".join(
        f"the bucket {name}: {why}" for name, one in buckets.items() for why in _wrong_with(one, settings)
    )
    if wrong:
        return Finding("files", Level.WARNING, wrong)
    return Finding("files", Level.FINE, f"buckets: {', '.join(buckets)}" if buckets else "no bucket (sftp.buckets)")


def _wrong_with_ssh(settings: Settings) -> Iterator[str]:
    wanted = settings.ssh
    if not _is_served(settings):
        yield "the running node does not serve it yet: it takes a restart"
    if wanted.programs or wanted.shell:
        try:
            local_user(wanted.user)
        except CannotRun as error:
            yield f"nothing can be run: {error}"
    for path in (*wanted.programs, *([wanted.shell] if wanted.shell else ())):
        if not os.access(path, os.X_OK):
            yield f"{path} cannot be run: it is not there, or not for this user to run"
    if wanted.directory and not os.path.isdir(wanted.directory):  # noqa: PTH112 - it raises nothing
        yield f"ssh.directory: {wanted.directory} is not a directory"
    if proxy := settings.forwarding.proxy:
        yield from _wrong_with_proxy(Proxy.parse(proxy))


def _wrong_with_proxy(proxy: Proxy) -> Iterator[str]:
    """Nothing is sent to it."""
    try:
        socket.create_connection(proxy.address, ASK_SECONDS).close()
    except OSError as error:
        where = format_host_port(proxy.address)
        yield f"forwarding.proxy: no host can be reached, as nothing answers at {where}: {error.strerror or error}"


def _is_served(settings: Settings) -> bool:
    """By what a node that runs counts; of none, yes."""
    try:
        with ControlClient(settings.paths.control_socket, timeout=ASK_SECONDS) as node:
            return "ssh.connections" in node.call("node/status")["metrics"]
    except (ControlError, KeyError, TypeError):
        return True


def _runs(settings: Settings) -> str:
    """What peers with the scopes for it may run."""
    programs = [Path(path).name for path in settings.ssh.programs]
    named = f"peers may run {', '.join(programs)}" if programs else "there are no programs (ssh.programs)"
    return f"{named}, and have a shell" if settings.ssh.shell else f"{named} and no shell (ssh.shell)"


def _forwards(settings: Settings) -> str:
    try:
        with open_database(settings.paths.database) as database:
            count = database.query("SELECT count(*) AS n FROM forwarding_rules")[0]["n"]
    except (DatabaseMissing, RuntimeError):
        return "rules of forwarding are not known: there is no database"
    if not count:
        return "there are no rules of forwarding, so nothing is forwarded: alknet forwarding add"
    return f"{count} rule{'' if count == 1 else 's'} of forwarding"


def _wrong_with(bucket: BucketSettings, settings: Settings) -> Iterator[str]:
    directory = bucket.directory
    if not os.path.isdir(directory):  # noqa: PTH112 - as above
        yield f"{directory} is not a directory"
        return
    if not os.access(directory, os.R_OK | os.X_OK | (0 if bucket.read_only else os.W_OK)):
        yield f"{directory} cannot be used by this user"
    if bucket.overlaps(settings.data.resolve()):
        yield f"{directory} has the node's own data in it, and is not served"
