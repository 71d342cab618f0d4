"""Clients' keys of SSH, as the table of peers names keys."""

import asyncssh

from node.core.fingerprint import KeyFormatError, parse_key


def fingerprint_of_key(key: asyncssh.SSHKey) -> str | None:
    """What the table of peers calls this key; None for a kind that it cannot hold, which is any but Ed25519."""
    try:
        return parse_key(key.export_public_key("openssh").decode())
    except (KeyFormatError, UnicodeDecodeError):
        return None


def shown(key: asyncssh.SSHKey) -> str:
    """What `ssh-keygen -l` and sshd's log call it: SHA256: and base64, of every kind of key."""
    return key.get_fingerprint()
