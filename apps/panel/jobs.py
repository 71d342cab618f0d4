"""Long work that goes on by itself: it has a page that says that it runs, how far it is, and how it ended.

Of each kind there is one at a time, in a thread of this process, which is the only one that serves the panel. What is
known of it lives in memory and goes with the process: a job that is lost says so, and its work, which is one
transaction, was then not done at all.
"""

import contextvars
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection

from node.core.errors import InvalidFields

MAX_KEPT = 50
"""Jobs that are remembered; of those that have ended, the oldest go."""

logger = logging.getLogger(__name__)


class JobRefused(Exception):
    """The work cannot be done, and nothing was. The text says why, to whoever asked for it."""


@dataclass(slots=True)
class Job:
    """One piece of work. `permission` is what its page takes, `then` the address of what it was about."""

    kind: str
    title: str
    permission: str
    then: str
    promise: str = "Either all of it is done or nothing."
    """What its page says while it runs, of what is done if it does not end."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    step: str = "beginning"
    done: int = 0
    of: int = 0
    """How many there are to do; 0 where that is not known."""
    outcome: str = ""
    failed: bool = False
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def running(self) -> bool:
        return self.ended is None

    @property
    def seconds(self) -> int:
        """How long it has taken so far, or did."""
        return int((self.ended or time.monotonic()) - self.began)

    def tell(self, step: str, done: int = 0, of: int = 0) -> None:
        """How far it is."""
        self.step, self.done, self.of = step, done, of


Work = Callable[[Job], str]
"""Does the work, tells the job how far it is, and gives the outcome in a sentence. May raise JobRefused."""


class Jobs:
    """The jobs of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def begin(self, job: Job, work: Work) -> Job:
        """Begin it, and give it; or give the one of its kind that runs already, and begin nothing."""
        with self._lock:
            if (other := self._running(job.kind)) is not None:
                return other
            self._jobs[job.id] = job
            for old in [one.id for one in self._jobs.values() if not one.running][: max(0, len(self._jobs) - MAX_KEPT)]:
                del self._jobs[old]
        # With its context, so that what it writes down has the id of the request that asked for it.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=[_run, job, work], name=job.kind, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads; a job that never ran must not bar its kind
            _broke(job, error)
            job.ended = time.monotonic()
        return job

    def find(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def running(self, kind: str) -> Job | None:
        """The one of this kind that runs."""
        with self._lock:
            return self._running(kind)

    def _running(self, kind: str) -> Job | None:
        return next((job for job in self._jobs.values() if job.kind == kind and job.running), None)


def _run(job: Job, work: Work) -> None:
    """The thread's own connection to the database goes with it; what nobody foresaw is logged, and not shown."""
    try:
        job.outcome = work(job)
    except JobRefused as error:
        job.failed, job.outcome = True, str(error)
    except InvalidFields as error:
        job.failed, job.outcome = True, f"Nothing was changed: {error}"
    except Exception as error:  # noqa: BLE001 - it is logged there
        _broke(job, error)
    finally:
        try:
            connection.close()
        finally:
            job.ended = time.monotonic()


def _broke(job: Job, error: Exception) -> None:
    """Log what nobody foresaw, and say that there was something."""
    logger.error("a job failed", exc_info=error, extra={"job": job.id, "kind": job.kind})
    job.failed, job.outcome = True, "It failed, and nothing was changed. The panel's log says why."


JOBS = Jobs()
"""This process's own."""
