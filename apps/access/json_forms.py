"""Answers as JSON, for programs."""

from typing import Any

from node.core.explain import Explanation


def explanation_json(found: Explanation) -> dict[str, Any]:
    return {
        "allowed": found.allowed,
        "rule": found.rule.value,
        "text": found.text,
        "step": found.step,
        "children": [explanation_json(child) for child in found.children],
    }
