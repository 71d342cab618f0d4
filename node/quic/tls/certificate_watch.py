"""Keeps a running node's certificates fresh: the operator's when its files change, the self-made one by its age."""

import datetime
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from node.core.looks import Looks
from node.quic.tls.credentials import Certified
from node.quic.tls.keys import KeyFileError, NodeKey
from node.quic.tls.operator_files import OperatorFiles, out_of_time, soon_over
from node.quic.tls.selfmade import load_or_make_passing, renewed, self_made

logger = logging.getLogger(__name__)

POLL_S = 2.0
"""Between two looks at the files. A change counts once two looks saw the same: tools write one file after the other."""

Replace = Callable[[Certified], None]


class OperatorWatch:
    """Takes the operator's certificate anew when its files have changed, and keeps the old one while they are wrong."""

    def __init__(self, files: OperatorFiles) -> None:
        """Raises KeyFileError. A certificate that is out of time is taken: a node that stays away helps nobody."""
        self._files = files
        self._taken = self._seen = files.signature()
        self._complaint: str | None = None
        self._reminder: str | None = None
        self.certified = files.load()
        self._remind(None)

    def look(self, replace: Replace, now: datetime.datetime | None = None, *, asked: bool = False) -> None:
        """One look at the files and the clock; `replace` is called with a changed certificate.

        Where somebody `asked` for it, a change need not have held still, and is told even if it cannot be used still.
        """
        before, self._seen = self._seen, self._files.signature()
        if asked:
            self._complaint = None
        if self._seen != self._taken and (asked or self._seen == before):
            self._take(replace, now)
        self._remind(now)

    def _take(self, replace: Replace, now: datetime.datetime | None) -> None:
        try:
            fresh = self._files.load_current(now)
        except KeyFileError as error:
            self._complain(str(error))
            return
        old, self.certified = self.certified, fresh
        self._taken, self._complaint = self._seen, None
        replace(fresh)
        if (fresh.leaf, fresh.chain) != (old.leaf, old.chain):
            facts = {"fingerprint": fresh.fingerprint, "until": f"{fresh.leaf.not_valid_after_utc:%Y-%m-%d}"}
            logger.info("the certificate was changed", extra=facts)

    def _remind(self, now: datetime.datetime | None) -> None:
        """Once for each thing that the calendar says against what is served. It stays served all the same."""
        problem = out_of_time(self.certified, now) or soon_over(self.certified, now)
        if problem is not None and problem != self._reminder:
            error = f"{self._files.certificate}: {problem}"
            logger.warning("the certificate is served all the same", extra={"error": error})
        self._reminder = problem

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

    def look(self, replace: Replace, now: datetime.datetime | None = None) -> None:
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

        self._looks = Looks(POLL_S)

    def ask(self) -> None:
        """Have the files looked at now."""
        self._looks.ask()

    async def watch(self) -> NoReturn:
        """Look for ever; cancel it to stop."""
        while True:
            asked = await self._looks.next()
            self._passing.look(self.credentials.replace_passing)
            if self._operator is not None:
                self._operator.look(self.credentials.replace_operator, asked=asked)
