"""Second factors as the database has them: secrets of apps and recovery codes are encrypted under the panel's own key.

That key lies in a file of its own, which no backup holds. So a stolen backup gives no second factor away; and after a
restore on another machine these factors are void, and are reset by a shell (docs/accounts.md). Passkeys live on: of
them only the public half is stored.
"""

import base64
import secrets

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_INFO = b"alknet second factors"


class MFAAdapter(DefaultMFAAdapter):
    """Set as MFA_ADAPTER."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """A text of another key gives a secret that nobody has: no code fits it."""
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return base64.b32encode(secrets.token_bytes(20)).decode()


def _cipher() -> Fernet:
    key = HKDF(hashes.SHA256(), 32, None, _INFO).derive(str(settings.SECRET_KEY).encode())
    return Fernet(base64.urlsafe_b64encode(key))
