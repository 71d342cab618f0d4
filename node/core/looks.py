"""The pace at which something is looked at again and again, and the bell by which somebody has it looked at at once."""

import asyncio


class Looks:
    """Whoever waits for the next look waits `every` seconds, or until somebody asks for one."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Have the next look now."""
        self._asked.set()

    async def next(self) -> bool:
        """Wait for the next look; whether somebody asked for it."""
        try:
            async with asyncio.timeout(self._every):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True
