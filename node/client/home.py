"""Where a user's own files lie: below $XDG_CONFIG_HOME/alknet, else ~/.config/alknet."""

import os
from pathlib import Path


def config_home() -> Path:
    """The directory; it may not exist yet. A relative XDG_CONFIG_HOME counts as none (XDG base directories §2)."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".config") / "alknet"


def default_identity() -> Path:
    """The user's private key."""
    return config_home() / "identity"


def default_known_nodes() -> Path:
    """The keys of the nodes that the user trusts."""
    return config_home() / "known_nodes"
