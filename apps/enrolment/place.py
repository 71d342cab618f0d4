"""Where new machines reach the node, and by which key they know it: what stands in every code."""

import contextlib
import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings

from apps.enrolment.errors import InvalidInvite, NodeUnavailable
from node.control.client import ControlClient, ControlError
from node.core.address import AddressFormatError, format_host_port, parse_host_port

LOOK_SECONDS = 2.0
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - recognised here, bound nowhere
_ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))
"""Addresses for documentation (RFC 5737, RFC 3849): no packet is sent there, only a route looked up."""


def node_place(address: str = "", browser_host: str = "") -> tuple[str, str]:
    """HOST:PORT as another machine dials it, and the fingerprint of the node's key.

    The host is, of these, the first that there is: that of `address`, of the setting enrolment.address, the one that
    the node listens on, the one by which the browser came, this machine's own. Raises InvalidInvite,
    NodeUnavailable.
    """
    setting, listens, fingerprint = _node()
    chosen = address or settings.ALKNET.enrolment.address
    try:
        port = parse_host_port(listens)[1]
        host, chosen_port = parse_host_port(chosen, port) if chosen else (_host(setting, listens, browser_host), port)
    except AddressFormatError as error:
        raise InvalidInvite({"address": [f"{str(error).capitalize()}."]}) from None
    return format_host_port((host, chosen_port)), fingerprint


def _node() -> tuple[str, str, str]:
    """What it was told to listen on, where it listens, and its fingerprint."""
    try:
        with ControlClient(settings.PATHS.control_socket, timeout=LOOK_SECONDS) as client:
            facts = client.call("node/status")["node"]
        found = facts["listen"], facts["address"], facts["fingerprint"]
    except (ControlError, KeyError, TypeError):
        found = (None, None, None)
    if not all(isinstance(text, str) for text in found):
        raise NodeUnavailable
    return found


def _host(setting: str, listens: str, browser_host: str) -> str:
    host = parse_host_port(listens)[0]
    wildcard = parse_host_port(setting)[0] in _WILDCARDS
    return host if not wildcard else _of_browser(browser_host) or _own() or host


def _of_browser(text: str) -> str:
    """The host of a request, unless the browser runs on this very machine."""
    host = urlsplit(f"//{text}").hostname or ""
    try:
        return "" if ipaddress.ip_address(host).is_loopback else host
    except ValueError:
        return "" if host == "localhost" or host.endswith(".localhost") else host


def _own() -> str:
    """The address from which this machine would send elsewhere."""
    for target, family in _ELSEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            return str(probe.getsockname()[0])
    return ""
