"""Sealed blobs and raw writes of the table `credentials`, for tests that need no node."""

import hashlib
from typing import Any

from django.db import connection

from node.core.credentials import EncryptedData


def blob(name: object, *, key_version: int = 2, salt: bytes = bytes(32)) -> EncryptedData:
    """A well-formed blob that nobody can open, the same for the same name."""
    digest = hashlib.sha512(str(name).encode()).digest()
    return EncryptedData(key_version, salt, digest[:12], digest[12:])


def insert(provider: object, *, verb: str = "INSERT", **columns: Any) -> None:
    """A raw INSERT of the five columns of the contract, as any other program may write it."""
    sealed = blob(provider)
    values = {"key_version": 2, "salt": sealed.salt, "iv": sealed.iv, "data": sealed.data} | columns
    names = ", ".join(["provider", *values])
    places = ", ".join(["%s"] * (len(values) + 1))
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} INTO credentials ({names}) VALUES ({places})", [provider, *values.values()])


def stored() -> dict[str, dict[str, Any]]:
    """Every row, for comparing before and after."""
    from apps.credentials.models import Credential

    return {row["provider"]: row for row in Credential.objects.values()}
