"""What the services would say of one field of a token, while it is being typed."""

import ipaddress

from apps.panel.fields import Said, offer
from apps.tokens.checks import check_name, check_networks, network_text


def check_typed_name(text: str, _: str) -> Said:
    """A token's name: two may have the same."""
    return Said(tuple(check_name(text)))


def check_typed_networks(text: str, _: str) -> Said:
    """Each as it will be stored, where that is not as it was typed, and how many addresses are in them."""
    names = split_networks(text)
    if wrong := check_networks(names):
        return Said(tuple(wrong))
    return Said(facts=tuple(_as_stored(name) for name in names))


def split_networks(text: str) -> list[str]:
    """One on a line; empty lines are left out."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _as_stored(name: str) -> str:
    stored = network_text(name) or name
    count = ipaddress.ip_network(stored).num_addresses
    size = "1 address" if count == 1 else f"{count:,} addresses"
    return f"{stored}: {size}" if stored == name else f"{name} is stored as {stored}: {size}"


def offer_fields() -> None:
    """Have the panel's fields ask this. Called once, when the admin's pages are found."""
    offer({"token_name": check_typed_name, "networks": check_typed_networks})
