"""Which handler serves which ALPN (spec core §10)."""

from collections.abc import Iterable

from node.core.handler import ProtocolHandler


class DuplicateAlpnError(RuntimeError):
    """Two handlers claim one ALPN: a mistake in the assembly, found at start."""


class HandlerRegistry:
    """The handlers of an endpoint by ALPN, in order of preference. Fixed once made."""

    def __init__(self, handlers: Iterable[ProtocolHandler]) -> None:
        self._handlers: dict[bytes, ProtocolHandler] = {}
        for handler in handlers:
            if handler.alpn in self._handlers:
                raise DuplicateAlpnError(f"two handlers for ALPN {handler.alpn!r}")
            self._handlers[handler.alpn] = handler

    def get(self, alpn: bytes) -> ProtocolHandler | None:
        return self._handlers.get(alpn)

    def alpns(self) -> tuple[bytes, ...]:
        """What TLS offers; where a client offers several, the first of these wins."""
        return tuple(self._handlers)
