"""A form's values as the audit log keeps them: JSON types, and no secret."""

from collections.abc import Container, Iterable, Mapping
from typing import Any


def is_secret(field: str) -> bool:
    """Whether a field of Django's forms of users holds a password or what it is hashed to."""
    return "password" in field


def facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by field, secrets left out."""
    return {name: _plain(value) for name, value in values.items() if not is_secret(name)}


def without(values: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _plain(value: Any) -> Any:
    """Related objects by their names; a moment and the like as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return sorted(map(str, value)) if isinstance(value, Iterable) else str(value)
