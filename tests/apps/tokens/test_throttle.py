"""How often an address may fail, with a clock of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from apps.tokens.throttle import MAX_ADDRESSES, FailedTokens


def test_failures_come_back_with_time() -> None:
    failed = FailedTokens(failures=2, refill_s=10)
    assert [failed.fail("192.0.2.1", at) for at in (0, 0, 0, 5, 10)] == [0, 0, 10, 5, 0]
    assert failed.fail("192.0.2.2", 10) == 0, "each address has its own"


def test_a_subscriber_of_ipv6_is_one_address() -> None:
    failed = FailedTokens(failures=1)
    assert failed.fail("2001:db8::1", 0) == 0
    assert failed.fail("2001:db8::2%eth0", 0) > 0
    assert failed.fail("2001:db8:0:1::1", 0) == 0
    assert failed.fail("::ffff:192.0.2.1", 0) == failed.fail("::ffff:192.0.2.2", 0) == 0


@given(st.lists(st.floats(0, 100), max_size=50))
def test_no_more_failures_than_were_granted(gaps: list[float]) -> None:
    failed, now, taken = FailedTokens(failures=3, refill_s=10), 0.0, 0
    for gap in gaps:
        now += gap
        taken += failed.fail("x", now) == 0
    assert taken <= 3 + now / 10 + 1e-6


def test_memory_is_bounded() -> None:
    failed = FailedTokens()
    for number in range(MAX_ADDRESSES + 100):
        failed.fail(f"host-{number}", 0)
    assert len(failed._buckets) == MAX_ADDRESSES
