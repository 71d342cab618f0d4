"""Fingerprints: how a key is named (spec core §6) and how people may spell it (decision 6).

Storage is exact (`ed25519:<64 hex>` or `SHA256:<64 hex>`); input is forgiving: an OpenSSH line, a PEM public key, a PEM
certificate or a fingerprint all name the same key.
"""

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass

ED25519_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""Everything of an Ed25519 SubjectPublicKeyInfo before its 32 key bytes (RFC 8410 §4)."""

MAX_KEY_INPUT = 32 * 1024
"""Longest text accepted as a key: above any certificate that a peer would paste."""

_FINGERPRINT = re.compile(r"ed25519:[0-9a-f]{64}|SHA256:[0-9a-f]{64}")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_SSH_ED25519 = b"ssh-ed25519"
_SSH_FRAME = struct.pack(">I", 11) + _SSH_ED25519 + struct.pack(">I", 32)
"""Everything of an OpenSSH public key before its 32 key bytes (RFC 8709 §4)."""


class KeyFormatError(ValueError):
    """The text does not name a key. The message says what was expected, and never repeats the text."""


def is_fingerprint(text: str) -> bool:
    """Whether `text` is exactly one of the two stored forms."""
    return _FINGERPRINT.fullmatch(text) is not None


def ed25519_spki(key: bytes) -> bytes:
    """The 44-byte SubjectPublicKeyInfo of a 32-byte Ed25519 public key."""
    return ED25519_SPKI_PREFIX + key


def is_ed25519_spki(der: bytes) -> bool:
    return len(der) == 44 and der.startswith(ED25519_SPKI_PREFIX)


def fingerprint_of(der: bytes) -> str:
    """Fingerprint of what a peer presented: an Ed25519 SPKI by its key, anything else by the SHA-256 of all bytes."""
    if is_ed25519_spki(der):
        return "ed25519:" + der[12:].hex()
    return "SHA256:" + hashlib.sha256(der).hexdigest()


def parse_key(text: str) -> str:
    """The fingerprint that `text` names, whichever way it is spelled.

    Raises KeyFormatError on anything else, private keys included.
    """
    if len(text) > MAX_KEY_INPUT:
        raise KeyFormatError(f"longer than {MAX_KEY_INPUT} characters")
    text = text.strip()
    if is_fingerprint(text):
        return text
    if text.startswith("-----BEGIN"):
        return _from_pem(text)
    if text.split(maxsplit=1)[:1] == ["ssh-ed25519"]:
        return fingerprint_of(ed25519_spki(_ssh_key(text)))
    raise KeyFormatError(_refusal(text))


def _refusal(text: str) -> str:
    prefix = text.partition(":")[0]
    if prefix.lower() in ("ed25519", "sha256") and ":" in text:
        return _fingerprint_refusal(prefix)
    if text.split(" ", 1)[0].startswith(("ssh-", "ecdsa-", "sk-")):
        return "only ssh-ed25519 keys can name a peer; make one with: ssh-keygen -t ed25519"
    return "expected an ssh-ed25519 line, a PEM public key or certificate, or a fingerprint (ed25519:… or SHA256:…)"


def _fingerprint_refusal(prefix: str) -> str:
    if prefix.lower() == "sha256":
        return (
            "a certificate fingerprint is SHA256: and 64 lower-case hex digits; OpenSSH's SHA256:<base64> "
            "does not hold the key, so paste the ssh-ed25519 line instead"
        )
    return "a key fingerprint is ed25519: and 64 lower-case hex digits"


def _from_pem(text: str) -> str:
    blocks = list(_PEM.finditer(text))
    if len(blocks) != 1:
        raise KeyFormatError("expected exactly one PEM block (a peer's own certificate, without its chain)")
    label, der = blocks[0][1], _decode(blocks[0][2])
    if "PRIVATE KEY" in label:
        raise KeyFormatError("this is a private key: keep it on its own machine and paste the public key")
    if label == "CERTIFICATE":
        return "SHA256:" + hashlib.sha256(der).hexdigest()
    if label == "PUBLIC KEY" and is_ed25519_spki(der):
        return fingerprint_of(der)
    raise KeyFormatError("only Ed25519 public keys and certificates can name a peer")


def _ssh_key(line: str) -> bytes:
    """The 32 key bytes of an OpenSSH public-key line (RFC 8709 §4)."""
    if len(line.splitlines()) > 1:
        raise KeyFormatError("an ssh-ed25519 key is one line: give each key on its own")
    fields = line.split()
    blob = _decode(fields[1]) if len(fields) > 1 else b""
    if len(blob) != 51 or blob[:19] != _SSH_FRAME:
        raise KeyFormatError("the ssh-ed25519 line is cut off or damaged")
    return blob[19:]


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise KeyFormatError("the base64 text is damaged") from None


@dataclass(frozen=True, slots=True)
class KeySpellings:
    """Every way one key is written. All but `fingerprint` are None for a certificate (only its hash is known)."""

    fingerprint: str
    openssh: str | None = None
    openssh_fingerprint: str | None = None
    pem: str | None = None


def openssh_fingerprint(fingerprint: str) -> str | None:
    """What `ssh-keygen -l` prints of a stored fingerprint: SHA256: and base64. None for a certificate."""
    if not fingerprint.startswith("ed25519:"):
        return None
    blob = _SSH_FRAME + bytes.fromhex(fingerprint.removeprefix("ed25519:"))
    return f"SHA256:{base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')}"


def spellings(fingerprint: str) -> KeySpellings:
    """Every spelling of a stored fingerprint."""
    if not fingerprint.startswith("ed25519:"):
        return KeySpellings(fingerprint)
    key = bytes.fromhex(fingerprint.removeprefix("ed25519:"))
    blob = _SSH_FRAME + key
    body = base64.b64encode(ed25519_spki(key)).decode()
    return KeySpellings(
        fingerprint,
        openssh=f"ssh-ed25519 {base64.b64encode(blob).decode()}",
        openssh_fingerprint=openssh_fingerprint(fingerprint),
        pem=f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n",
    )
