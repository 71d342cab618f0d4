"""Our set of what has arrived out of order, against the engine's own."""

from aioquic.quic.rangeset import RangeSet
from hypothesis import given
from hypothesis import strategies as st

from node.quic.engine.pieces import Pieces

STEPS = st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 60), st.integers(1, 12))), max_size=80)


@given(STEPS)
def test_it_holds_what_the_engine_s_own_would(steps):
    """None takes the first piece out, as the engine does once what is before it has arrived."""
    more = []
    ours, theirs = Pieces(lambda: more.append(len(ours))), RangeSet()
    for step in steps:
        before = len(theirs)
        if step is None:
            if before:
                assert ours.shift() == theirs.shift()
        else:
            start, length = step
            more.clear()
            ours.add(start, start + length)
            theirs.add(start, start + length)
            assert more == ([len(theirs)] if len(theirs) > before else [])
        assert list(ours) == list(theirs)
        assert len(ours) == len(theirs)
        if len(theirs):
            assert (ours[0], ours[-1], ours.bounds()) == (theirs[0], theirs[-1], theirs.bounds())
