"""The numbers of one process in Prometheus's text format.

A registry of our own holds them, and each look asks the rooms: nothing is kept here, and nothing is global.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from node.core.metrics import Kind, Labelled, Meaning, Measured, Metrics
from node.exposition.server import Page

AT_ONCE = 8
"""Metrics that are written in one step of the loop."""


class Exposition:
    """Makes the page. `build` says what program this is: words that do not change while it runs."""

    def __init__(self, metrics: Metrics, build: Mapping[str, str], prefix: str) -> None:
        """`prefix` begins each of our names; the process's own are everybody's: `process_…`."""
        self._registry = CollectorRegistry()
        self._registry.register(_Rooms(metrics, build, prefix))
        ProcessCollector(registry=self._registry)

    async def page(self) -> Page:
        """The page. Others on the loop have their turn between its parts."""
        families, parts = iter(self._registry.collect()), []
        while part := list(islice(families, AT_ONCE)):
            parts.append(generate_latest(_Part(part)))
            await asyncio.sleep(0)
        return Page(b"".join(parts), CONTENT_TYPE_PLAIN_0_0_4)

    def page_at_once(self) -> Page:
        """The same in one go, for a thread that has no loop."""
        return Page(generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)


class _Part(CollectorRegistry):
    """Some metrics of a page that is made in parts: the format has a few lines for each, and nothing around them."""

    def __init__(self, families: list[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class _Rooms(Collector):
    """Every number of every room, at the moment that it is asked for."""

    def __init__(self, metrics: Metrics, build: Mapping[str, str], prefix: str) -> None:
        self._metrics = metrics
        self._build = dict(build)
        self._prefix = prefix

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily(f"{self._prefix}build", "Which program this is.", value=self._build)
        for labelled in self._metrics.labelled.values():
            yield _labelled(self._prefix, labelled)
        for single in self._metrics.singles.values():
            value = single.read()
            if value is not None:
                yield _plain(self._prefix + single.name, single.meaning, value)
        for measured in self._metrics.measured.values():
            yield _measured(self._prefix, measured)
        yield from self._numbers()

    def _numbers(self) -> Iterator[Metric]:
        for number in self._metrics.numbers():
            yield _plain(self._prefix + number.name.replace(".", "_"), number.meaning, number.value)


def _plain(name: str, meaning: Meaning, value: float) -> Metric:
    family = CounterMetricFamily if meaning.kind is Kind.COUNTER else GaugeMetricFamily
    made: Metric = family(name, meaning.text, value=value)
    return made


def _labelled(prefix: str, labelled: Labelled) -> Metric:
    family = CounterMetricFamily if labelled.meaning.kind is Kind.COUNTER else GaugeMetricFamily
    made = family(prefix + labelled.name, labelled.meaning.text, labels=[labelled.label])
    for label, value in labelled.values().items():
        made.add_metric([label], value)
    return made


def _measured(prefix: str, measured: Measured) -> Metric:
    buckets = [(_bound(bound), float(count)) for bound, count in measured.histogram.cumulative()]
    return HistogramMetricFamily(
        prefix + measured.name, measured.text, buckets=buckets, sum_value=measured.histogram.sum
    )


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else repr(seconds)
