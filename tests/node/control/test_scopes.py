"""`node/scopes`: what the operations of peers ask for, told in few words."""

from typing import Any

from node.control.scopes import MAX_ASKED, MAX_NAMED, asked_by
from node.core.access import AccessControl
from node.handlers.call.operation import Operation, OperationContext, Visibility


async def _nothing(_: Any, __: OperationContext) -> None:
    return None


def operation(name: str, visibility: Visibility = Visibility.EXTERNAL, **access: Any) -> Operation:
    return Operation(name, _nothing, access=AccessControl(**access), visibility=visibility)


def test_each_scope_is_told_once_with_those_that_ask_for_it() -> None:
    told = asked_by(
        [
            operation("git/write", required_scopes=("git:write", "git:read")),
            operation("git/list", required_scopes_any=("git:read", "git:admin", "git:read")),
            operation("fs/stat"),
        ]
    )
    assert told == {
        "scopes": [
            {"scope": "git:admin", "operations": ["git/list"], "count": 1},
            {"scope": "git:read", "operations": ["git/list", "git/write"], "count": 2},
            {"scope": "git:write", "operations": ["git/write"], "count": 1},
        ],
        "resources": [],
    }


def test_a_kind_of_resource_is_told_with_its_actions() -> None:
    told = asked_by(
        [
            operation("repo/push", resource_type="repo", resource_action="push"),
            operation("repo/show", resource_type="repo"),
            operation("any/do", resource_action="do"),
        ]
    )
    assert told["resources"] == [
        {"kind": "repo", "actions": ["push"], "operations": ["repo/push", "repo/show"], "count": 2}
    ]


def test_what_nobody_can_call_asks_for_nothing() -> None:
    assert asked_by([operation("a/b", Visibility.INTERNAL, required_scopes=("x",))])["scopes"] == []


def test_an_answer_is_bounded() -> None:
    told = asked_by([operation(f"a/o{n}", required_scopes=("every", f"s{n}")) for n in range(MAX_ASKED + 5)])
    assert len(told["scopes"]) == MAX_ASKED
    (every,) = [row for row in told["scopes"] if row["scope"] == "every"]
    assert (len(every["operations"]), every["count"]) == (MAX_NAMED, MAX_ASKED + 5)
