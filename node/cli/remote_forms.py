"""What the answers of REST and of the management commands have in common: the same JSON, by other ways."""

from collections.abc import Mapping
from typing import Any

import msgspec

from node.client.rest.models import Model

Values = Mapping[str, Any]


def plain(model: Model) -> dict[str, Any]:
    """As JSON has it. What is told once is left out where it is not told."""
    found: dict[str, Any] = msgspec.to_builtins(model)
    return {name: value for name, value in found.items() if value is not None or name not in model.told_once}


def fields(values: Values, *without: str) -> dict[str, Any]:
    """All of them but these."""
    return {name: value for name, value in values.items() if name not in without}
