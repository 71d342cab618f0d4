"""What the first page tells of the node: where it listens, where others reach it, and its key."""

import ipaddress
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from node.core.address import AddressFormatError, format_host_port, parse_host_port, reachable
from node.core.paths import DataPaths

MAX_READY_FILE = 64 * 1024
UNKNOWN_HOST = "THIS-MACHINE"
"""Stands for a name that only the reader knows: this browser came by the machine's own loopback."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node that the supervisor last started."""

    fingerprint: str
    listens: str
    """Where, in words."""
    address: str
    """HOST:PORT, as another machine writes it; the host may be UNKNOWN_HOST."""

    @property
    def host_unknown(self) -> bool:
        return self.address.startswith(UNKNOWN_HOST)


def node_facts(paths: DataPaths, *, listen: str, browser_host: str) -> NodeFacts | None:
    """The running node, or None where no supervisor has told of one.

    `listen` is the setting node.listen; `browser_host` is the request's Host, by which one machine at least reaches
    this one.
    """
    try:
        with paths.ready_file.open("rb") as file:
            facts = json.loads(file.read(MAX_READY_FILE))
        local, fingerprint = facts["node_address"], facts["node_fingerprint"]
        host, port = parse_host_port(local)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(fingerprint, str):
        return None
    wildcard = _wildcard(listen, host)
    if wildcard is None:
        return NodeFacts(fingerprint, local, local)
    listens = f"all interfaces ({format_host_port((wildcard, port))})"
    return NodeFacts(fingerprint, listens, format_host_port((_host_for_others(browser_host), port)))


def _wildcard(listen: str, local_host: str) -> str | None:
    """The host of the setting, if it is the wildcard that this machine itself reaches by `local_host`."""
    try:
        host, port = parse_host_port(listen)
    except AddressFormatError:
        return None
    return host if host != local_host and reachable((host, port))[0] == local_host else None


def _host_for_others(browser_host: str) -> str:
    host = urlsplit(f"//{browser_host}").hostname or ""
    return UNKNOWN_HOST if _is_loopback(host) else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost") or host.endswith(".localhost")
