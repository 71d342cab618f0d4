"""Opened credentials in the hands of a handler (spec vault §11): usable, and as hard to leak as Python allows.

A secret lies in a bytearray that is overwritten when it is done with. Whoever exposes it makes a `str`, which nothing
can overwrite: keep that no longer than the one use.
"""

import hmac
from typing import Final, NoReturn

REDACTED = "[REDACTED]"

_ERRORS = "surrogatepass"
"""An error of encoding would carry the whole text in it."""
_API_KEY = "api_key:"
_HTTP_TOKEN = "http_token:"  # noqa: S105 - the name of a kind


class SecretWiped(RuntimeError):
    """The secret was taken back: its credential was removed, or the vault was locked."""

    def __init__(self) -> None:
        super().__init__("the secret was taken back: its credential was removed, or the vault was locked")


class _Unserialisable:
    """No copy, no pickle, no state: what would write the inside of an object somewhere fails instead."""

    __slots__ = ()

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be copied or serialised")

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(None)

    def __copy__(self) -> NoReturn:
        self.__reduce_ex__(None)

    def __deepcopy__(self, _: object) -> NoReturn:
        self.__reduce_ex__(None)


class _Memory(_Unserialisable, bytearray):
    """Bytes that can be overwritten, and that show nothing to whoever dumps the inside of an object."""

    __slots__ = ()

    def __repr__(self) -> str:
        return REDACTED

    def __str__(self) -> str:
        return REDACTED


class Secret(_Unserialisable):
    """One opened secret. Compares by identity, shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_raw",)

    def __init__(self, text: str) -> None:
        self._raw: _Memory | None = _Memory(text, "utf-8", _ERRORS)

    def expose_secret(self) -> str:
        """The secret itself. Raises SecretWiped."""
        if self._raw is None:
            raise SecretWiped
        return self._raw.decode("utf-8", _ERRORS)

    def matches(self, other: "Secret") -> bool:
        """Whether both are the same text and neither is wiped. Takes as long wherever they differ."""
        return self._raw is not None and other._raw is not None and hmac.compare_digest(self._raw, other._raw)

    def wipe(self) -> None:
        """Overwrite it, for everybody who holds this object. Harmless when repeated."""
        raw, self._raw = self._raw, None
        if raw is not None:
            raw[:] = bytes(len(raw))

    def __del__(self) -> None:
        if hasattr(self, "_raw"):  # not where the constructor was given something else than a text
            self.wipe()

    def __repr__(self) -> str:
        return REDACTED

    def __format__(self, _: str) -> str:
        return REDACTED


class Capabilities(_Unserialisable):
    """What a handler may use towards others: secrets by the name of a service. Immutable.

    The repr shows the count alone. `wipe` takes the secrets back, also out of whatever was built upon this one.
    """

    __slots__ = ("_secrets",)

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}

    def with_api_key(self, service: str, value: Secret | str) -> "Capabilities":
        """These, and an API key of a service."""
        return self._with(_API_KEY + service, value)

    def with_http_token(self, service: str, value: Secret | str) -> "Capabilities":
        """These, and a bearer token of a service."""
        return self._with(_HTTP_TOKEN + service, value)

    def get(self, service: str) -> Secret | None:
        """The service's API key, else its token, else None."""
        return self._secrets.get(_API_KEY + service) or self._secrets.get(_HTTP_TOKEN + service)

    def wipe(self) -> None:
        """Take every secret back."""
        for secret in self._secrets.values():
            secret.wipe()

    def _with(self, name: str, value: Secret | str) -> "Capabilities":
        more = Capabilities()
        more._secrets = {**self._secrets, name: value if isinstance(value, Secret) else Secret(value)}
        return more

    def __len__(self) -> int:
        return len(self._secrets)

    def __bool__(self) -> bool:
        """An object that is there, even with nothing in it."""
        return True

    def __repr__(self) -> str:
        return f"Capabilities({len(self)})"


NO_CAPABILITIES: Final = Capabilities()
"""Of a handler that the settings give nothing."""
