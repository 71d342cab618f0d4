"""What is worked out of a code: the hash that is stored for it, the name of a claim, and digits that both sides show.

Each has a label of its own, and every part its length before it, so that no two inputs can be taken for one another.
"""

import hashlib
import hmac

NONCE_BYTES = 32
SAS_DIGITS = 9
"""30 bits. A guess fits once in 10^9 claims, and each claim is seen by whoever decides (docs/adr/0041)."""
_SAS_GROUP = 3


def code_hash(secret: bytes) -> str:
    """The stored form of a code's secret. One unsalted pass is enough only because it has 128 bits of entropy."""
    return "sha256:" + _digest(b"alknet invite", secret).hex()


def same_hash(one: str, other: str) -> bool:
    """Takes as long wherever they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def claim_id(stored_hash: str, fingerprint: str) -> str:
    """The name of the claim that one key makes by one code: the same however often it is made. 32 hex digits."""
    return _digest(b"alknet claim", stored_hash.encode(), fingerprint.encode()).hex()[:32]


def commitment(nonce: bytes, fingerprint: str) -> bytes:
    """What the joiner tells of its nonce before it has seen the node's: it can choose neither by the other."""
    return _digest(b"alknet commitment", nonce, fingerprint.encode())


def opens(committed: bytes, nonce: bytes, fingerprint: str) -> bool:
    """Whether this nonce is the one that was committed to."""
    return hmac.compare_digest(committed, commitment(nonce, fingerprint))


def authentication_string(*, node: str, joiner: str, secret: bytes, joiner_nonce: bytes, node_nonce: bytes) -> str:
    """Nine digits in three groups, such as "483 201 775": the same on both sides, unless somebody stands between.

    `node` and `joiner` are the fingerprints of the two keys.
    """
    digest = _digest(b"alknet sas", node.encode(), joiner.encode(), secret, joiner_nonce, node_nonce)
    digits = f"{int.from_bytes(digest, 'big') % 10**SAS_DIGITS:0{SAS_DIGITS}d}"
    return " ".join(digits[at : at + _SAS_GROUP] for at in range(0, SAS_DIGITS, _SAS_GROUP))


def _digest(label: bytes, *parts: bytes) -> bytes:
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in (label, *parts))
    return hashlib.sha256(framed).digest()
