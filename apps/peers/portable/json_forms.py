"""A plan as JSON, for programs and for the pages that show it. No secret is in it: a file knows of none."""

from typing import Any

from apps.peers.portable.plan import Plan, Step

MAX_SHOWN = 500
"""Steps that are told one by one; of more, the number is."""


def plan_json(plan: Plan, *, done: bool) -> dict[str, Any]:
    """How many peers come, change and go, and how; `done` says whether that is so now."""
    counts = {action: plan.count(action) for action in ("added", "changed", "removed")}
    shown = [step_json(step) for step in plan.steps[:MAX_SHOWN]]
    more = len(plan.steps) - len(shown)
    return {"done": done, **counts, "unchanged": plan.unchanged, "steps": shown, "more": more}


def step_json(step: Step) -> dict[str, Any]:
    """One step; of each difference the values before and after."""
    differences = [{"field": name, "before": old, "after": new} for name, (old, new) in step.differences().items()]
    return {"peer_id": step.peer_id, "action": step.action, "place": step.place, "differences": differences}
