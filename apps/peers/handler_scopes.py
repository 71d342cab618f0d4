"""The scopes that SSH and SFTP ask for. In what a peer has of them, a `*` is any one field (node.core.scopes)."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from django.conf import settings

from node.core.scopes import overlap

BUCKET = "bucket"
"""The kind of resource that is a directory of SFTP's; the name `*` is every one."""
_FORMS: Mapping[str, str] = {
    "ssh:shell": "SSH: a shell and terminals",
    "ssh:sftp": "SSH: files by sftp and scp, with sftp:read or sftp:write as well",
    "ssh:exec:*": "SSH: programs, by their names",
    "ssh:forward:*:*": "SSH: connect to hosts and ports, as far as the rules of forwarding allow",
    "ssh:listen:*:*": "SSH: have the node listen on addresses and ports, as far as those rules allow",
    "ssh:forward-unix:*": "SSH: connect to Unix sockets, as far as those rules allow",
    "ssh:listen-unix:*": "SSH: have the node listen on Unix sockets, as far as those rules allow",
    "sftp:read": "files: list and read, in the buckets among the resources",
    "sftp:write": "files: make, write, rename and remove, in those buckets",
    "sftp:*": "files: both",
}


def handler_scopes() -> Iterator[str]:
    """What can be offered: every form, and each program that the settings name."""
    yield from _FORMS
    yield from (f"ssh:exec:{PurePosixPath(path).name}" for path in settings.ALKNET.ssh.programs)


def about(scope: str) -> str:
    """What it is for; "" where neither SSH nor SFTP asks for such a scope."""
    return _FORMS.get(scope) or next((words for form, words in _FORMS.items() if overlap(form, scope)), "")


def buckets() -> tuple[str, ...]:
    """The directories of SFTP that the settings name, by their names for peers."""
    return tuple(settings.ALKNET.sftp.buckets)
