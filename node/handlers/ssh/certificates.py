"""OpenSSH's user certificates: an authority that the settings name vouches for a key, as that of the peer of a name.

The client signs in by the peer's name as its user name, and the certificate has to have that among its principals, as
sshd demands; to asyncssh one without principals is good for everybody. All else is asyncssh's to check: the authority's
signature, the kind, the dates, the address that it is for; and what its options forbid, which it then forbids.
"""

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

import asyncssh

from node.core.identity import Identity
from node.core.repository import IdentityProvider
from node.handlers.ssh.keys import fingerprint_of_key

NEEDS = ("_validate_openssh_certificate",)
"""What is used of asyncssh's connection, by its own names."""
MAX_PRINCIPALS = 256


class Certificate(Protocol):
    """asyncssh's."""

    key: asyncssh.SSHKey
    signing_key: asyncssh.SSHKey
    principals: Collection[str]
    _valid_before: int


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a certificate says that a trusted authority has signed: this peer until then, in unix seconds."""

    peer_id: str
    until: float
    fingerprint: str | None
    """The key that it is for, as the table of peers would name it."""

    @property
    def left(self) -> float:
        """Seconds until then."""
        return max(0.0, self.until - time.time())

    def resolve(self, provider: IdentityProvider) -> Identity | None:
        """Who that is at this moment."""
        return provider.resolve_peer(self.peer_id)


Check = Callable[[str, Certificate], Awaitable[asyncssh.SSHKey | None]]
"""asyncssh's own: the key that a certificate is for, or None where the certificate is not good."""
Judge = Callable[[str, Certificate, Check], Awaitable[asyncssh.SSHKey | None]]


def vouched_by(certificate: Certificate, user: str, authorities: Collection[str]) -> Vouched | None:
    """What it would say if it is good; None where it is of another authority, or not for this user name."""
    signer, names = fingerprint_of_key(certificate.signing_key), certificate.principals
    if signer not in authorities or user not in names or len(names) > MAX_PRINCIPALS:
        return None
    return Vouched(user, float(certificate._valid_before), fingerprint_of_key(certificate.key))


def have_judged(ssh: Any, judge: Judge) -> None:
    """Have a connection of asyncssh ask `judge` about certificates; its own check is handed to that."""
    check = ssh._validate_openssh_certificate

    async def validate(username: str, certificate: Certificate) -> asyncssh.SSHKey | None:
        return await judge(username, certificate, check)

    ssh._validate_openssh_certificate = validate
