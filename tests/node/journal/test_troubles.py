"""Many who are turned away are few events."""

from node.core.journal import EventKind
from node.journal.troubles import TELL_EVERY, WORDS, Troubles
from node.quic.metrics import QuicMetrics, Refusal
from node.settings import Settings, known_keys


def test_every_count_that_is_told_exists_and_every_limit_is_a_setting_or_a_bound_of_the_engine() -> None:
    counts = {f"quic.{name}" for name in QuicMetrics().troubles()} | {"tokens.closed"}
    assert set(WORDS) <= counts
    assert {f"quic.refused_{refusal}" for refusal in Refusal} <= set(WORDS)
    limits = {words.name for words in WORDS.values() if words.kind is EventKind.LIMITED}
    assert limits - {".".join(key) for key in known_keys(Settings)} == {"quic.guard", "quic.moves"}


def test_the_first_is_told_at_once_and_the_rest_together() -> None:
    troubles, told = Troubles({"quic.refused_rate": 5}), []
    for second in range(61):
        told += troubles.events({"quic.refused_rate": 5 + 1000 * second}, 100.0 + second)
    assert [(event.kind, event.detail["limit"], event.detail["count"]) for event in told] == [
        (EventKind.LIMITED, "quic.handshakes_per_second", 1000),
        (EventKind.LIMITED, "quic.handshakes_per_second", 30_000),
    ]
    assert [event.detail["seconds"] for event in told] == [1.0, TELL_EVERY]


def test_a_count_that_rests_is_not_told_again_and_one_that_appears_late_is() -> None:
    troubles = Troubles({})
    assert troubles.events({"quic.unanswered": 7, "quic.retried": 7}, 1.0) == []
    [event] = troubles.events({"quic.failed_no_protocol": 2}, 2.0)
    assert (event.kind, event.detail["rule"], event.detail["count"]) == (EventKind.REFUSED, "no handler", 2)
    assert troubles.events({"quic.failed_no_protocol": 2}, 200.0) == []
