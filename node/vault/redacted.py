"""Secrets that do not show, copy or pickle themselves, and that can be overwritten (spec vault §9, §12).

Python makes this a best effort: `str`, `bytes` and `int` objects made on the way in or out stay in memory until the
allocator uses their place again.
"""

import contextlib
from abc import ABC, abstractmethod
from types import TracebackType
from typing import NoReturn, Self

from node.vault.errors import SecretWiped

REDACTED = "[REDACTED]"

BytesLike = bytes | bytearray | memoryview


class Redacted:
    """Base of everything that holds a secret: it prints as its type, and refuses to be copied or serialised."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({REDACTED})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __copy__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not copied")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not serialised")

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not serialised")

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not serialised")


class SecretMemory(Redacted, bytearray):
    """Bytes that are overwritten at the latest when nobody holds them, or a view of them, any more."""

    __slots__ = ()

    def wipe(self) -> None:
        """Put zeros in place of every byte; the length stays."""
        self[:] = bytes(len(self))

    def __del__(self) -> None:
        self.wipe()


class SecretBytes(Redacted):
    """Secret bytes in memory of their own."""

    __slots__ = ("_bytes", "_view")

    def __init__(self, secret: BytesLike) -> None:
        self._bytes = SecretMemory(secret)
        self._view: memoryview | None = memoryview(self._bytes).toreadonly()

    def view(self) -> memoryview:
        """The bytes themselves, read-only. After `wipe` this and every view given out before raise.

        Raises SecretWiped. A view that was taken back raises ValueError: zeros are never taken for the secret.
        """
        if self._view is None:
            raise SecretWiped
        return self._view

    def wipe(self) -> None:
        """Take back the views, then overwrite the bytes. May be called again. Slices of a view show zeros."""
        view, self._view = self._view, None
        if view is not None:
            # In this order, or a thread that holds the view could take zeros for the key between the two.
            with contextlib.suppress(BufferError):  # somebody reads through it at this very moment
                view.release()
        self._bytes.wipe()


class Wipeable(Redacted, ABC):
    """A secret that is wiped at the end of a `with` block."""

    __slots__ = ()

    @abstractmethod
    def wipe(self) -> None:
        """Overwrite what is secret. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.wipe()


class SecretString(Wipeable):
    """A secret text, kept as UTF-8."""

    __slots__ = ("_secret",)

    def __init__(self, text: str) -> None:
        # Lone surrogates (undecodable bytes of a terminal) are kept: an error would carry the text.
        self._secret = SecretBytes(text.encode("utf-8", "surrogatepass"))

    def reveal(self) -> str:
        """The text, as a `str` that cannot be wiped: keep it short-lived. Raises SecretWiped."""
        return str(self._secret.view(), "utf-8", "surrogatepass")

    def wipe(self) -> None:
        self._secret.wipe()


def revealed(text: str | SecretString) -> str:
    """The text of either form."""
    return text.reveal() if isinstance(text, SecretString) else text
