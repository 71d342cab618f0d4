"""How events read, whatever a journal says of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.activity.models import Event
from apps.activity.words import KINDS, Tone, duration, kind_words, size, told
from node.core.journal import EventKind

TOLD: list[tuple[str, str, dict[str, Any], str]] = [
    ("connected", "", {}, ""),
    ("connected", "", {"dialled": True}, "dialled by this node"),
    (
        "closed",
        "closed",
        {"seconds": 0.04, "bytes_received": 5, "bytes_sent": 3 << 20},
        "after 40 ms, 5 B in and 3.0 MiB out",
    ),
    ("closed", "idle", {"seconds": None, "bytes_received": None, "bytes_sent": 1}, "idle"),
    ("refused", "no handler", {"rule": "alpn", "message": "no handler"}, "no handler"),
    ("refused", "", {"rule": "rate", "count": 12, "seconds": 60}, "12 times within 1 min"),
    ("refused", "", {"count": 1}, "once"),
    (
        "enforced",
        "peer disabled",
        {"change": "peer: a", "milliseconds": 3.14, "closed": 1},
        "peer disabled, peer: a, in 3.1 ms, 1 connection closed",
    ),
    ("enforced", "", {"change": "peer: a", "milliseconds": 3, "closed": 0}, "peer: a, in 3.0 ms"),
    (
        "enforced",
        "revoked: scope",
        {"change": "rights over SSH", "sessions": 1, "forwards": 2},
        "revoked: scope, rights over SSH, 1 session ended, 2 forwards ended",
    ),
    ("limited", "", {"limit": "quic.max_connections", "count": 3}, "quic.max_connections, 3 times"),
    ("denied", "", {"operation": "fs/read", "message": "no right"}, "fs/read, no right"),
    ("stopped", "", {"seconds": 3700}, "after 1 h 1 min"),
    ("of-the-future", "why", {"x": 1}, "why"),
]


@pytest.mark.parametrize(("kind", "reason", "detail", "words"), TOLD)
def test_an_event_is_told_in_a_line(kind: str, reason: str, detail: dict[str, Any], words: str) -> None:
    assert told(Event(kind=kind, reason=reason, detail=detail)) == words


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)
names = st.sampled_from(
    [
        "seconds",
        "bytes_received",
        "bytes_sent",
        "count",
        "milliseconds",
        "closed",
        "change",
        "limit",
        "message",
        "dialled",
    ]
)


@given(kind=st.sampled_from([*KINDS, "other"]), detail=st.dictionaries(names, anything) | anything)
def test_whatever_the_detail_is_there_is_a_line(kind: str, detail: Any) -> None:
    assert isinstance(told(Event(kind=kind, reason="", detail=detail)), str)


def test_every_kind_has_words_and_one_that_is_unknown_keeps_its_name() -> None:
    assert set(EventKind) <= set(KINDS)
    assert kind_words("handed_over").title == "Handed over"
    assert kind_words("handed_over").tone is Tone.PLAIN


def test_durations_and_sizes() -> None:
    assert [duration(value) for value in (0, 0.9996, 1.44, 59, 60, 61, 7260, 90_000, -1, None, "x", True)] == [
        "0 ms", "1000 ms", "1.4 s", "59 s", "1 min", "1 min 1 s", "2 h 1 min", "1 d 1 h", "", "", "", "",
    ]  # fmt: skip
    assert [size(value) for value in (0, 1023, 1024, 1 << 50, None)] == ["0 B", "1023 B", "1.0 KiB", "1024.0 TiB", ""]
