"""From what was measured, round by round, to the engine bench's JSON."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from bench.engine_parts import Figures
from bench.engine_side import Side

Rounds = Mapping[Side, list[Figures]]
"""What each engine showed in each round; every engine has as many rounds, with the same figures in each."""

RATIOS = {
    "upload_cpu_ratio": "upload_ms_per_mb",
    "download_cpu_ratio": "download_ms_per_mb",
    "loopback_up_speedup": "loopback_upload_mb_s",
    "loopback_down_speedup": "loopback_download_mb_s",
    "loopback_upload_cpu_ratio": "loopback_upload_ms_per_mb",
    "loopback_download_cpu_ratio": "loopback_download_ms_per_mb",
    "handshake_cpu_ratio": "handshake_ms",
    "idle_memory_ratio": "idle_kib",
    "request_cpu_ratio": "request_us",
    "request_at_once_cpu_ratio": "request_at_once_us",
}
"""Each ratio to stock, and the figure that it is of."""


def figures(rounds: Rounds) -> dict[str, Any]:
    """Medians of every figure, ratios to stock, and under `spread` the least and the greatest of each ratio."""
    values: dict[str, Any] = {}
    spread: dict[str, list[float]] = {}
    for side in rounds:
        if side is not Side.STOCK:
            for name, ratios in _ratios(rounds[side], rounds.get(Side.STOCK, [])).items():
                values[f"{side.prefix}{name}"] = _rounded(median(ratios))
                spread[f"{side.prefix}{name}"] = [_rounded(min(ratios)), _rounded(max(ratios))]
    for side, measured in rounds.items():
        for name in measured[0] if measured else ():
            values[f"{side.prefix}{name}"] = _rounded(median(one[name] for one in measured))
    return {**values, "spread": spread}


def _ratios(ours: list[Figures], stock: list[Figures]) -> dict[str, list[float]]:
    """Round by round: what else the machine did then bore on both."""
    pairs = list(zip(ours, stock, strict=False))
    return {
        ratio: [one[name] / other[name] for one, other in pairs]
        for ratio, name in RATIOS.items()
        if pairs and name in pairs[0][0] and name in pairs[0][1]
    }


def _rounded(value: float) -> float:
    return round(value, 3)
