"""What a session holds for requests that are not answered yet: so many of them, and so many bytes."""

import asyncio


class Budget:
    """One task takes. A request that is larger than all of it is let through alone."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._freed = asyncio.Event()
        self.requests = 0
        self.bytes = 0

    async def take(self, count: int) -> None:
        """Wait until there is room for one more request, and so many bytes of it and its answer."""
        while not self._has_room(count):
            self._freed.clear()
            await self._freed.wait()
        self.requests += 1
        self.bytes += count

    def give_back(self, count: int) -> None:
        self.requests -= 1
        self.bytes -= count
        self._freed.set()

    def _has_room(self, count: int) -> bool:
        return self.requests == 0 or (self.requests < self._max_requests and self.bytes + count <= self._max_bytes)
