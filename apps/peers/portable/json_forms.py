"""A plan as JSON, for programs and for the pages that show it. No secret is in it: a file knows of none."""

import json
from typing import Any

from apps.peers.hanging import Hanging
from apps.peers.portable.impact import SHOWN, PlanImpact
from apps.peers.portable.moments import written
from apps.peers.portable.plan import Plan, Step

MAX_SHOWN = 500
"""Steps that are told one by one; of more, the number is."""


def plan_json(plan: Plan, impact: PlanImpact | None = None) -> dict[str, Any]:
    """How many peers come, change and go, and how; `impact` is of what is not done yet."""
    counts = {action: plan.count(action) for action in ("added", "changed", "removed")}
    shown = [step_json(step) for step in plan.steps[:MAX_SHOWN]]
    more = len(plan.steps) - len(shown)
    told = None if impact is None else impact_json(impact)
    return {
        "done": impact is None,
        **counts,
        "unchanged": plan.unchanged,
        "steps": shown,
        "more": more,
        "impact": told,
    }


def impact_json(found: PlanImpact) -> dict[str, Any]:
    """What would close and go, the first of it one by one."""
    names = ("boot", "connection", "peer_id", "alpn", "address", "reason", "at")
    closings, going = found.closings, [one for one in found.hanging if one.gives is not None]
    rules = [one for one in found.hanging if one.gives is None]
    return {
        "known": closings.known,
        "closes": closings.total,
        "closing": [{name: getattr(one, name) for name in names} for one in closings.shown],
        "grants_go": len(going),
        "grants": [_hanging(one) for one in going[:SHOWN]],
        "rules_go": len(rules),
        "rules": [_hanging(one) for one in rules[:SHOWN]],
    }


def _hanging(one: Hanging) -> dict[str, str]:
    return {"id": one.row_id, "peer_id": one.peer_id, "words": one.words}


def step_json(step: Step) -> dict[str, Any]:
    """One step; of each difference the values before and after, and the same in words."""
    differences = [
        {"field": name, "before": old, "after": new, "words": difference_words(name, old, new)}
        for name, (old, new) in step.differences().items()
    ]
    return {"peer_id": step.peer_id, "action": step.action, "place": step.place, "differences": differences}


def difference_words(field: str, old: Any, new: Any) -> str:
    """Of lists what comes and what goes, of all else before and after."""
    if not isinstance(old, list | tuple) or not isinstance(new, list | tuple):
        return f"{field}: {_words(field, old)} → {_words(field, new)}"
    before, after = set(old), set(new)
    marked = [f"-{item}" for item in old if item not in after] + [f"+{item}" for item in new if item not in before]
    return f"{field}: {' '.join(marked) or 'in another order'}"


def _words(field: str, value: Any) -> str:
    """A value; times as a file has them."""
    if field == "expires_at":
        return written(value)
    if field == "key_expires_at":
        value = {name: written(end) for name, end in (value or {}).items()}
    return json.dumps(value, ensure_ascii=False)
