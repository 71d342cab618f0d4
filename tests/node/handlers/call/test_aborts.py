"""Telling the peer what we gave up: by which stream, and what is left where that cannot be."""

from node.core.connection import BiStream
from node.core.tasks import TaskSet
from node.handlers.call.aborts import Aborts
from node.handlers.call.allowance import Allowances
from node.handlers.call.errors import internal
from node.handlers.call.lane import Lane
from node.handlers.call.limits import CallLimits
from tests.support.raw_call import read_event
from tests.support.streams import stream_pair

LIMITS = CallLimits()


class Streams:
    """Where aborts get a stream from; `theirs` are the other ends of those that were opened."""

    def __init__(self, tasks: TaskSet) -> None:
        self.theirs: list[BiStream] = []
        self.refused = 0
        self.refuses = False
        self._tasks = tasks

    async def open(self) -> Lane:
        if self.refuses:
            self.refused += 1
            raise internal("failed to open stream: no more of them")
        ours, theirs = stream_pair()
        self.theirs.append(theirs)
        return Lane(ours, LIMITS, Allowances(LIMITS).of_peer(), self._tasks)


async def test_all_go_by_one_stream() -> None:
    tasks = TaskSet()
    streams = Streams(tasks)
    aborts = Aborts(streams.open, tasks)
    for number in range(3):
        aborts.send(str(number))
        await tasks.idle()
    assert len(streams.theirs) == 1
    assert [(await read_event(streams.theirs[0]))["id"] for _ in range(3)] == ["0", "1", "2"]


async def test_where_no_stream_can_be_opened_nothing_waits_for_one() -> None:
    tasks = TaskSet()
    streams = Streams(tasks)
    aborts = Aborts(streams.open, tasks)
    streams.refuses = True
    aborts.send("a")
    aborts.send("b")
    await tasks.idle()
    assert (streams.refused, dict(aborts._waiting)) == (2, {})
    streams.refuses = False
    aborts.send("c")
    await tasks.idle()
    assert (await read_event(streams.theirs[0]))["id"] == "c"
