"""What a token may look like: one check for each field, shared by REST, the panel and the command line."""

import ipaddress
import time
from collections.abc import Collection, Sequence
from typing import Any

from apps.accounts.rights import Right
from node.core.peers import CONTROL, MAX_EXPIRY, NO_CONTROL

MAX_NAME = 64
MAX_NETWORKS = 32


def check_name(value: Any) -> list[str]:
    if not isinstance(value, str) or not value.strip():
        return ["A token needs a name, such as what uses it."]
    if len(value) > MAX_NAME:
        return [f"A name has at most {MAX_NAME} characters."]
    if CONTROL.search(value) or value != value.strip():
        return [f"A name has {NO_CONTROL}."]
    return []


def check_rights(value: Any) -> list[str]:
    if not isinstance(value, Collection) or isinstance(value, str) or not value:
        return ["A token needs at least one right."]
    unknown = sorted({str(name)[:64] for name in value if name not in frozenset(Right)})
    return [f"There is no right “{name}”." for name in unknown[:8]]


def check_expiry(value: Any) -> list[str]:
    """`value` is in unix seconds, or None for never."""
    if value is None:
        return []
    if not isinstance(value, int) or isinstance(value, bool) or value > MAX_EXPIRY:
        return ["An expiry is in unix seconds, up to the year 9999."]
    return ["That time has passed."] if value <= time.time() else []


def check_networks(value: Any) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ["Networks are a list, such as 10.0.0.0/8."]
    if len(value) > MAX_NETWORKS:
        return [f"At most {MAX_NETWORKS} networks."]
    return [f"“{str(name)[:64]}” is no network, such as 10.0.0.0/8." for name in value if network_text(name) is None]


def network_text(value: Any) -> str | None:
    """A network in its one spelling, an address as a network of one; None if it is neither."""
    try:
        return str(ipaddress.ip_network(value.strip(), strict=False)) if isinstance(value, str) else None
    except ValueError:
        return None
