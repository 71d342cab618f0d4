"""What a program finds in its environment: what the node gives it, and the few variables that a client may set."""

import re
from collections.abc import Mapping

from node.handlers.ssh.local_user import LocalUser

MAX_VARIABLES = 32
SEARCHED = "/usr/local/bin:/usr/bin:/bin"
"""PATH of every program."""
_NAME = re.compile(r"GIT_PROTOCOL|LANG|LANGUAGE|LC_[A-Z]{1,20}")
_VALUE = re.compile(r"[A-Za-z0-9_.,:@=+-]{0,255}")
"""No slash: a C library may take a locale for a path."""


def admitted(name: bytes, value: bytes) -> tuple[str, str] | None:
    """A variable that a client may set, as text; None for any other. GIT_PROTOCOL is what version 2 of git needs."""
    try:
        names, values = name.decode("ascii"), value.decode("ascii")
    except UnicodeDecodeError:
        return None
    return (names, values) if _NAME.fullmatch(names) and _VALUE.fullmatch(values) else None


def environment_of(user: LocalUser, peer_id: str, asked: Mapping[str, str], **more: str) -> dict[str, str]:
    """All of it: nothing comes from the node's own. ALKNET_PEER is the peer that the program works for."""
    given = {
        "PATH": SEARCHED,
        "HOME": user.home,
        "USER": user.name,
        "LOGNAME": user.name,
        "LANG": "C.UTF-8",
    }
    return {**given, **asked, **more, "ALKNET_PEER": peer_id}
