"""The algorithms of SSH that the node offers, best first. What is not named here is not spoken.

Every one has a place in today's OpenSSH: no SHA-1, no NIST curve, no CBC, no MAC over plain text. Strict key exchange,
the answer to prefix truncation (CVE-2023-48795), is announced by asyncssh to whoever knows it; ciphers that are open to
that without it (ChaCha20-Poly1305, and a MAC over cipher text in CBC) are left out, so that the answer hangs on no
client; but for one that has nothing else (`dropbear`).
"""

POST_QUANTUM = ("mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com")
"""Key exchanges that withstand a quantum computer. Not every system has a library for each (`available`)."""
KEY_EXCHANGE = (*POST_QUANTUM, "curve25519-sha256", "curve25519-sha256@libssh.org")
"""All of them. Whoever knows none of the first needs the others, such as OpenSSH before 9.9. Of finite fields there is
none: a large one costs the server a tenth of a second, for a client that need not compute anything."""
CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr")
MACS = ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com")
SIGNATURES = ("ssh-ed25519",)
"""Of clients' keys; only Ed25519 keys can name a peer."""


def available(wanted: tuple[str, ...], offered: list[str]) -> list[str]:
    """Those of `wanted` that this system has, in the same order."""
    return [name for name in wanted if name in offered]
