"""From what was measured, round by round, to the JSON of the bench of SSH."""

from statistics import median
from typing import Any

Figures = dict[str, float]
"""Keyed by name and unit."""

BULK = ("exec_down", "exec_up", "sftp_put", "sftp_get")
"""What is measured in MB per second."""
MANY = ("files_put", "files_get")
"""What is measured in files per second."""


def figures(rounds: list[Figures]) -> dict[str, Any]:
    """Medians of every figure and ratio, and under `spread` the least and the greatest of each ratio."""
    each = [_ratios(one) for one in rounds]
    ratios = {name: [one[name] for one in each] for name in each[0]}
    return {
        **{name: round(median(found), 3) for name, found in ratios.items()},
        **{name: round(median(one[name] for one in rounds), 3) for name in rounds[0]},
        "spread": {name: [round(min(found), 3), round(max(found), 3)] for name, found in ratios.items()},
    }


def _ratios(found: Figures) -> Figures:
    """Of one round."""
    ratios: Figures = {}
    for name in BULK:
        ratios[f"{name}_vs_engine"] = found[f"{name}_mb_s"] / found[f"bare_{name}_mb_s"]
        ratios[f"{name}_vs_tcp"] = found[f"{name}_mb_s"] / found[f"asyncssh_{name}_mb_s"]
    for name in MANY:
        ratios[f"{name}_vs_tcp"] = found[f"{name}_per_s"] / found[f"asyncssh_{name}_per_s"]
    for other in ("engine", "tcp"):
        ratios[f"exec_vs_{other}"] = min(ratios[f"exec_{way}_vs_{other}"] for way in ("down", "up"))
        ratios[f"sftp_vs_{other}"] = min(ratios[f"sftp_{way}_vs_{other}"] for way in ("put", "get"))
    return ratios
