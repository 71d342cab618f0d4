"""What `alknet peer import` prints."""

from typing import Any

from node.cli.peer_files import outcome_lines

PLAN: dict[str, Any] = {"done": False, "added": 0, "changed": 0, "removed": 1, "unchanged": 0, "more": 0}
STEP = {"peer_id": "old", "action": "removed", "place": "", "differences": []}
CLOSING = {"peer_id": "old", "alpn": "h3", "address": "192.0.2.7:4", "reason": "revoked: peer removed", "at": None}
GRANT = {"id": "g", "peer_id": "old", "words": "x, until 2027-01-31 12:00 UTC"}


def lines(**impact: Any) -> list[str]:
    nothing = {"closes": 0, "closing": [], "grants_go": 0, "grants": [], "rules_go": 0, "rules": []}
    found = {"known": True, **nothing, **impact}
    return list(outcome_lines(PLAN | {"steps": [STEP], "impact": found}))


def test_a_dry_run_tells_what_would_close_and_go() -> None:
    assert lines(closes=3, closing=[CLOSING], grants_go=1, grants=[GRANT]) == [
        "- old",
        "x old by h3 from 192.0.2.7:4: revoked: peer removed",
        "x 2 open connections more",
        "x grant of old: x, until 2027-01-31 12:00 UTC",
        "Would be: 0 added, 0 changed, 1 removed, 0 unchanged. Nothing was changed.",
    ]
    assert lines(closes=1, grants_go=2)[1:3] == ["x 1 open connections", "x 2 grants"], "of one who may not see which"
    rule = {"id": "r old", "peer_id": "old", "words": "1. allow * for old, which goes"}
    assert lines(rules_go=2, rules=[rule])[1:3] == [
        "x forwarding rule of old: 1. allow * for old, which goes",
        "x 1 names in forwarding rules more",
    ]
    assert "is not known" in lines(known=False)[1]


def test_what_is_done_tells_nothing_of_it() -> None:
    done = PLAN | {"done": True, "steps": [], "impact": None}
    assert list(outcome_lines(done)) == ["0 added, 0 changed, 1 removed, 0 unchanged"]
