"""Keeps a running node's certificates fresh: the operator's when its files change, the self-made one by its age."""

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node.quic.credentials import Certified
from node.quic.keys import KeyFileError, NodeKey
from node.quic.pem import read_certified
from node.quic.selfmade import load_or_make_passing, renewed, self_made

logger = logging.getLogger(__name__)

POLL_S = 2.0
"""Between two looks at the files. A change counts once two looks saw the same: tools write one file after the other."""

Signature = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class OperatorFiles:
    """The operator's certificate chain and private key; both may be in one file."""

    certificate: Path
    key: Path

    def load(self) -> Certified:
        """What the files hold now, expired or not. Raises KeyFileError."""
        try:
            return read_certified(self.certificate, self.key)
        except FileNotFoundError as error:
            raise KeyFileError(Path(error.filename), "there is no such file") from None

    def load_current(self, now: datetime.datetime | None = None) -> Certified:
        """The same, but a certificate outside its time is an error. Raises KeyFileError."""
        certified = self.load()
        if problem := out_of_time(certified, now):
            raise KeyFileError(self.certificate, problem)
        return certified

    def signature(self) -> Signature:
        """Differs after any change: of content, of a link's target, of owner or mode."""
        return tuple(_signature(path) for path in (self.certificate, self.key))


def out_of_time(certified: Certified, now: datetime.datetime | None = None) -> str | None:
    """What is wrong with the dates of the leaf."""
    now = now or datetime.datetime.now(datetime.UTC)
    if now > certified.leaf.not_valid_after_utc:
        return f"has expired on {certified.leaf.not_valid_after_utc:%Y-%m-%d}"
    if now < certified.leaf.not_valid_before_utc:
        return f"is not valid before {certified.leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    return None


class OperatorWatch:
    """Takes the operator's certificate anew when its files have changed, and keeps the old one while they are wrong."""

    def __init__(self, files: OperatorFiles) -> None:
        """Raises KeyFileError. A certificate that is out of time is taken: a node that stays away helps nobody."""
        self._files = files
        self._taken = self._seen = files.signature()
        self._complaint: str | None = None
        self.certified = files.load()
        if problem := out_of_time(self.certified):
            logger.warning("the certificate is served all the same", extra={"error": f"{files.certificate}: {problem}"})

    def look(self, replace: Callable[[Certified], None]) -> None:
        """One look at the files; `replace` is called with a changed certificate."""
        before, self._seen = self._seen, self._files.signature()
        if self._seen != before or self._seen == self._taken:
            return
        try:
            self.certified = self._files.load_current()
        except KeyFileError as error:
            self._complain(str(error))
            return
        self._taken, self._complaint = self._seen, None
        replace(self.certified)
        until = f"{self.certified.leaf.not_valid_after_utc:%Y-%m-%d}"
        facts = {"fingerprint": self.certified.fingerprint, "until": until}
        logger.info("the certificate was changed", extra=facts)

    def _complain(self, problem: str) -> None:
        """Once for each problem: the files are tried again at every look, as it may be the clock that is wrong."""
        if problem != self._complaint:
            logger.warning("the changed certificate cannot be used; the old one stays", extra={"error": problem})
        self._complaint = problem


class PassingWatch:
    """Makes the self-made certificate of a node anew when it nears its end."""

    def __init__(self, path: Path) -> None:
        """Raises KeyFileError."""
        self._path = path
        self._complained = False
        self.certified = load_or_make_passing(path)

    def look(self, replace: Callable[[Certified], None], now: datetime.datetime | None = None) -> None:
        """One look at the clock; `replace` is called with a renewed certificate."""
        try:
            fresh = renewed(self._path, self.certified, now)
        except KeyFileError as error:
            self._complain(str(error))
            return
        if fresh is not self.certified:
            self.certified = fresh
            replace(fresh)
            logger.info("the node's own certificate was renewed", extra={"fingerprint": fresh.fingerprint})

    def _complain(self, problem: str) -> None:
        if not self._complained:
            logger.warning("the node's own certificate cannot be renewed", extra={"error": problem})
        self._complained = True


class Certificates:
    """What a node shows, and what keeps it fresh while the node runs."""

    def __init__(self, key: NodeKey, passing: Path, operator: OperatorFiles | None = None) -> None:
        """Raises KeyFileError."""
        self._passing = PassingWatch(passing)
        self._operator = None if operator is None else OperatorWatch(operator)
        given = None if self._operator is None else self._operator.certified
        self.credentials = self_made(key, self._passing.certified, given)

    async def watch(self, every: float = POLL_S) -> None:
        """Look for ever; cancel it to stop."""
        while True:
            await asyncio.sleep(every)
            self._passing.look(self.credentials.replace_passing)
            if self._operator is not None:
                self._operator.look(self.credentials.replace_operator)


def _signature(path: Path) -> tuple[int, ...] | None:
    with contextlib.suppress(OSError):
        status = path.stat()
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return None
