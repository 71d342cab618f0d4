"""What one run of the engine bench is to measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.engine_side import Side


@dataclass(frozen=True, slots=True)
class Plan:
    """Transfers are in bytes."""

    sides: Sequence[Side]
    parts: Sequence[str]
    rounds: int
    transfer: int
    loopback_transfer: int
    connections: int
    requests: int
    crowd: int
    """Connections of which some are closed."""

    tree: Path | None = None
    """An accelerated engine to take as it is."""
