"""Which buckets there are: as the settings have them at this moment."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path as Directory
from typing import Protocol

from node.core.live import Live
from node.handlers.sftp.backend import Backend
from node.handlers.sftp.directory.backend import DirectoryBackend
from node.handlers.sftp.directory.quota import Quota
from node.handlers.sftp.limits import BucketSettings, SftpLimits

logger = logging.getLogger(__name__)


class Buckets(Protocol):
    """Which there are at this moment."""

    def names(self) -> tuple[str, ...]: ...

    def get(self, name: str) -> "Bucket | None": ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files, and whether they are all as they stay."""

    backend: Backend
    read_only: bool = False


_Made = tuple[BucketSettings, Bucket | None]


class DirectoryBuckets:
    """As the settings have them now. One whose directory stays is the same, by new rules, also for what is open in it.

    None has anything of the directory `never` in it, which holds the node's own secrets: that one is not there.
    """

    def __init__(self, limits: Live[SftpLimits], threads: ThreadPoolExecutor, never: Directory | None) -> None:
        self._limits = limits
        self._threads = threads
        self._never = None if never is None else never.resolve()
        self._made: dict[str, _Made] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self._limits.value.buckets if self.get(name) is not None)

    def get(self, name: str) -> Bucket | None:
        wanted = self._limits.value.buckets.get(name)
        made = self._made.get(name)
        if wanted is None:
            self._made.pop(name, None)
            return None
        if made is None or (made[0] is not wanted and made[0] != wanted):
            made = self._made[name] = (wanted, self._bucket(name, wanted, made))
        return made[1]

    def _bucket(self, name: str, wanted: BucketSettings, made: _Made | None) -> Bucket | None:
        backend = made[1].backend if made and made[1] and made[0].directory == wanted.directory else None
        quota = Quota(wanted.quota_bytes, wanted.quota_files)
        if isinstance(backend, DirectoryBackend):
            backend.follow(quota, wanted.umask)
            return Bucket(backend, wanted.read_only)
        if self._never is not None and wanted.overlaps(self._never):
            logger.error("a bucket is not served, as the node's own data is in its directory", extra={"bucket": name})
            return None
        return Bucket(DirectoryBackend(str(wanted.directory), self._threads, quota, wanted.umask), wanted.read_only)
