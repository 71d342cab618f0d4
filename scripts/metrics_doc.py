"""Print the table of metrics of docs/health.md, made from pages of /metrics: python scripts/metrics_doc.py FILE..."""

import sys
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

OWN = "alknet_"
HEAD = "| metric | kind | labels | meaning |\n|---|---|---|---|"


def table(pages: list[str]) -> str:
    """A row for each of our own metrics, in the order of their names. The process's own are everybody's."""
    families = {family.name: family for page in pages for family in _families(page)}
    return "\n".join([HEAD, *(_row(families[name]) for name in sorted(families))])


def _families(page: str) -> Iterator[Metric]:
    return (family for family in text_string_to_metric_families(page) if family.name.startswith(OWN))


def _row(family: Metric) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
    return f"| `{name}` | {family.type} | {', '.join(f'`{label}`' for label in labels)} | {family.documentation} |"


if __name__ == "__main__":
    print(table([Path(name).read_text() for name in sys.argv[1:]]))
