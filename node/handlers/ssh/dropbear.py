"""What dropbear's client needs to come in.

It sends the first packet of the key exchange that it guesses, before it has our list. By RFC 4253 §7 such a guess is
wrong unless both lists begin alike, and the packet is to be passed over; asyncssh passes it over only where something
else was agreed on. dropbear takes asyncssh's rule where the server names `kexguess2@matt.ucc.asn.au`. That is a word
and no key exchange, but ssh-audit takes it for a weak one: so it is named to dropbear only.

Its one cipher that needs no MAC over plain text is ChaCha20-Poly1305. That is safe with strict key exchange, and others
would take it before AES-GCM, which is several times faster here: so it is named to dropbear only as well, and who
agrees on it without strict key exchange is turned away.
"""

from collections.abc import Callable
from typing import Any

GUESS = b"kexguess2@matt.ucc.asn.au"
CHACHA = "chacha20-poly1305@openssh.com"
VERSION = b"SSH-2.0-dropbear"
"""What its client calls itself, before a number."""
NEEDS = ("_get_extra_kex_algs", "_client_version", "_enc_algs", "_strict_kex")
"""What is used of asyncssh's connection, by its own names."""


def make_room(ssh: Any) -> None:
    """Have a connection of asyncssh that has not begun name these. It asks for its words once it knows the client."""
    words: Callable[[], list[bytes]] = ssh._get_extra_kex_algs

    def more() -> list[bytes]:
        if not ssh._client_version.startswith(VERSION):
            return words()
        if CHACHA.encode() not in ssh._enc_algs:
            ssh._enc_algs = [*ssh._enc_algs, CHACHA.encode()]
        return [*words(), GUESS]

    ssh._get_extra_kex_algs = more


def is_open_to_truncation(ssh: Any) -> bool:
    """Whether a connection that has agreed on its keys could have lost packets unseen (CVE-2023-48795)."""
    return not ssh._strict_kex and CHACHA in (ssh.get_extra_info("send_cipher"), ssh.get_extra_info("recv_cipher"))
