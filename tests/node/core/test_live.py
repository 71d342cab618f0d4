"""A value that is replaced while it is in use."""

from node.core.live import Live, live


def test_every_reader_of_a_holder_sees_its_next_value():
    holder = Live(1)
    reader = live(holder)
    holder.value = 2
    assert reader.value == 2


def test_a_plain_value_gets_a_holder_of_its_own():
    assert live(7).value == 7
