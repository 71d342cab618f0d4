"""What the bounds of calls have done can be seen, and is explained where people look."""

from pathlib import Path

from node.core.index import IndexProvider
from node.handlers.call.allowance import Allowances
from node.handlers.call.handler import CallHandler
from node.handlers.call.limits import CallLimits
from node.handlers.call.operation import OperationRegistry

HARDENING = Path(__file__).parents[4] / "docs" / "hardening.md"


def test_every_count_is_shown_and_explained() -> None:
    names = Allowances(CallLimits()).snapshot().keys()
    shown = CallHandler(OperationRegistry(), IndexProvider(), CallLimits()).snapshot()
    text = HARDENING.read_text()
    assert len(names) == 11
    assert names <= shown.keys()
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
