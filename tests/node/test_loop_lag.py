"""How late the loop was."""

import asyncio
import time

import pytest

from node import loop_lag
from node.loop_lag import LoopLag


async def test_a_loop_that_is_held_up_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "EVERY", 0.01)
    lag = LoopLag()
    assert lag.worst == 0.0
    beating = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    time.sleep(0.2)
    async with asyncio.timeout(60):
        while not lag.seconds.count:
            await asyncio.sleep(0.01)
    beating.cancel()
    assert lag.worst >= 0.15
