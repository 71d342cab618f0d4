"""The marks agree with what asyncio's own transports do, over random histories."""

from asyncio.transports import _FlowControlMixin
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from node.core.water_marks import WaterMarks


class Asyncio(_FlowControlMixin):
    """asyncio's rule, whose protocol notes what it is told."""

    def __init__(self, high: int | None, low: int | None) -> None:
        super().__init__(loop=self)
        self.size, self.told = 0, []
        self._protocol = self
        self.set_write_buffer_limits(high, low)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def get_write_buffer_size(self) -> int:
        return self.size

    def become(self, size: int) -> None:
        grows, self.size = size >= self.size, size
        if grows:
            self._maybe_pause_protocol()
        else:
            self._maybe_resume_protocol()


@given(
    high=st.none() | st.integers(0, 100),
    low=st.none() | st.integers(0, 100),
    sizes=st.lists(st.integers(0, 120) | st.integers(60_000, 70_000)),
)
def test_a_history_of_sizes_is_answered_as_asyncio_does(high: int | None, low: int | None, sizes: list[int]) -> None:
    try:
        oracle: Any = Asyncio(high, low)
    except ValueError:
        oracle = None
    try:
        marks = WaterMarks(high, low)
    except ValueError:
        assert oracle is None
        return
    assert oracle is not None
    assert oracle.get_write_buffer_limits() == (marks.low, marks.high)
    told = []
    for size in sizes:
        oracle.become(size)
        if marks.crossed(size):
            told.append("pause" if marks.above else "resume")
        assert told == oracle.told
