"""What the web process counts of its requests. Nothing is kept for each path, user or address."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from alknet_site.body_limit import Application, Receive, Scope, Send
from node.core.histogram import Histogram
from node.core.metrics import Kind, Labelled, Meaning, Metrics

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
NONE = "none"
"""Of a request whose client was gone before it was answered."""


class WebNumbers:
    """Counts since the process began, on its loop."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.seconds = Histogram(BUCKETS)
        self.in_flight = 0

    def counting(self, application: Application) -> Application:
        """The application, each of whose HTTP requests is counted when it is over."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return await application(scope, receive, send)
            began, status = time.monotonic(), NONE

            async def noting(message: Mapping[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = f"{message['status'] // 100}xx"
                await send(message)

            self.in_flight += 1
            try:
                await application(scope, receive, noting)
            finally:
                self.in_flight -= 1
                self.requests[status] += 1
                self.seconds.observe(time.monotonic() - began)
            return None

        return counted

    def add_to(self, metrics: Metrics) -> None:
        answered = Meaning(Kind.COUNTER, "Requests by the class of their status; none: the client was gone before.")
        metrics.add_labelled(Labelled("requests", answered, "status", self._by_class))
        metrics.add_histogram("request_seconds", "From a request's head to the end of its answer.", self.seconds)
        under_way = Meaning(Kind.GAUGE, "Requests that are being answered now.")
        metrics.add_single("requests_in_flight", under_way, lambda: self.in_flight)

    def _by_class(self) -> Mapping[str, float]:
        return {status: float(self.requests[status]) for status in (*CLASSES, NONE)}


NUMBERS = WebNumbers()
"""Those of this process: the application is made as its module is imported."""
