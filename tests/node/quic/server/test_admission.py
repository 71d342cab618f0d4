"""What counts against which limit, without a socket."""

from hypothesis import given
from hypothesis import strategies as st

from node.core.live import Live
from node.core.rate import Allowance
from node.quic.limits import QuicLimits
from node.quic.metrics import Refusal
from node.quic.server.admission import NOISE_PER_SECOND, Admission


@given(st.integers(1, 50), st.lists(st.floats(0, 3), max_size=200))
def test_an_allowance_gives_no_more_than_its_rate_over_any_span(rate, pauses):
    allowance, now, uses = Allowance(rate), 100.0, []
    for pause in pauses:
        now += pause
        if allowance.take(now):
            uses.append(now)
    for first in range(len(uses)):
        for last in range(first, len(uses)):
            assert last - first + 1 <= rate * (1 + uses[last] - uses[first]) + 1e-6


def test_an_allowance_that_went_into_debt_pays_it_back():
    allowance = Allowance(10)
    for _ in range(30):
        allowance.charge(5.0)
    assert not allowance.has(7.0)
    assert allowance.has(7.2)


def test_noise_makes_new_clients_prove_their_address_and_silence_ends_that():
    admission = Admission(Live(QuicLimits()))
    for _ in range(NOISE_PER_SECOND):
        assert not admission.wants_proof(1.0)
        admission.noise.charge(1.0)
    assert admission.wants_proof(1.0)
    assert not admission.wants_proof(2.0)


MOVES = st.lists(st.tuples(st.sampled_from("evxg"), st.integers(0, 3), st.integers(0, 30)), max_size=120)


@given(MOVES)
def test_the_counts_are_those_of_the_connections_there_are(moves):
    """Against a plain recount: e enters, v is established, x ends, g is gone."""
    limits = QuicLimits(max_connections=12, max_half_open=6, max_connections_per_address=3, max_half_open_per_address=2)
    admission, places = Admission(Live(limits)), []
    for move, number, pick in moves:
        if move == "e":
            origin = f"192.0.2.{number}"
            if admission.objection(origin, validated=number % 2 == 0) is None:
                places.append([admission.enter(origin, validated=number % 2 == 0), "open"])
        elif places:
            record = places[pick % len(places)]
            place, state = record
            over = move == "x"
            if move == "v" and state == "open" and place.half_open:
                over = not admission.established(place)
            if over and state == "open":
                admission.ended(place)
                record[1] = "ended"
            if move == "g" and state == "ended":
                admission.gone(place)
                places.remove(record)
        assert admission.total == len(places) <= limits.max_connections
        assert admission.half_open == sum(place.half_open for place, _ in places) <= limits.max_half_open
        for origin in {place.origin for place, _ in places}:
            charged = [p for p, state in places if p.origin == origin and p.charged and state == "open"]
            assert admission.by_origin[origin] == len(charged) <= limits.max_connections_per_address
        for origin in {place.origin for place, _ in places}:
            proven = [p for p, _ in places if p.origin == origin and p.half_open and p.validated]
            assert admission.half_open_by_origin[origin] == len(proven) <= limits.max_half_open_per_address
    for record in places:
        if record[1] == "open":
            admission.ended(record[0])
        admission.gone(record[0])
    assert (admission.total, admission.half_open) == (0, 0)
    assert (dict(admission.by_origin), dict(admission.half_open_by_origin)) == ({}, {})


def test_the_first_limit_that_is_reached_is_the_one_named():
    admission = Admission(Live(QuicLimits(max_connections=2, max_half_open=2, max_connections_per_address=1)))
    place = admission.enter("192.0.2.1", validated=True)
    assert admission.objection("192.0.2.1", validated=True) is Refusal.ADDRESS
    admission.enter("192.0.2.2", validated=False)
    assert admission.objection("192.0.2.3", validated=True) is Refusal.TOTAL
    wider = Admission(Live(QuicLimits(max_half_open=1)))
    wider.enter("192.0.2.1", validated=False)
    assert wider.objection("192.0.2.3", validated=True) is Refusal.HALF_OPEN
    assert place.charged
