"""A running node follows its settings file (decision 26).

The file is looked at every second, and read again once it has changed and then stayed as it is for one more look, so
that one that is still being written is left alone. SIGHUP reads it at once.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from pydantic import BaseModel

from node.core.file_signature import Signature, file_signature
from node.core.live import Live
from node.core.looks import Looks
from node.log import set_level
from node.settings import LoadedSettings, Settings, SettingsError, is_live, known_keys

LOOK_EVERY = 1.0
"""Seconds between two looks at the file."""

_FOLLOWED = (
    "endpoint",
    "call",
    "control",
    "quic",
    "store",
    "journal",
    "capabilities",
    "nodes",
    "enrolment",
    "ssh",
    "forwarding",
    "sftp",
)

logger = logging.getLogger(__name__)


class LiveSettings:
    """What a running node reads its limits through. The sections that are not here need a restart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.endpoint = Live(settings.endpoint)
        self.call = Live(settings.call)
        self.control = Live(settings.control)
        self.quic = Live(settings.quic)
        self.store = Live(settings.store)
        self.journal = Live(settings.journal)
        self.capabilities = Live(settings.capabilities)
        self.nodes = Live(settings.nodes)
        self.enrolment = Live(settings.enrolment)
        self.ssh = Live(settings.ssh)
        self.forwarding = Live(settings.forwarding)
        self.sftp = Live(settings.sftp)
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the loop whenever new values are in force. It must not block and must not raise."""
        self._subscribers.append(callback)

    def replace(self, new: Settings) -> dict[str, Any]:
        """Put the new values in force, each section as a whole; what is different now, by key."""
        old, self._settings = self._settings, new
        for section in _FOLLOWED:
            holder = getattr(self, section)
            if getattr(new, section) != holder.value:
                holder.value = getattr(new, section)
        set_level(new.log.level)
        for callback in self._subscribers:
            callback()
        keys = [key for key in known_keys(Settings) if is_live(key)]
        return {".".join(key): _plain(_at(new, key)) for key in keys if _at(new, key) != _at(old, key)}


class SettingsWatch:
    """Reads the file again when it has changed. One that cannot be used changes nothing, and is told once."""

    def __init__(self, started: LoadedSettings, load: Callable[[], LoadedSettings], target: LiveSettings) -> None:
        self._started = started
        self._load = load
        self._target = target
        self._looks = Looks(LOOK_EVERY)
        self._complaint = ""
        self._waiting: list[str] = []
        self._done: Callable[[], object] | None = None

    def ask(self, done: Callable[[], object] | None = None) -> None:
        """Have the file read at once, and the result told even if it is no news. `done` is called once it was read."""
        self._done = done
        self._looks.ask()

    async def run(self) -> NoReturn:
        """Follow the file for ever; only cancellation ends it."""
        done: Signature | object | None = object()  # as if it had changed since the start, which it may have
        seen = file_signature(self._started.file)
        while True:
            asked = await self._looks.next()
            now = file_signature(self._started.file)
            if asked or (now == seen and now != done):
                done = now
                await self._read(asked=asked)
            if asked and self._done is not None:
                self._done()
            seen = now

    async def _read(self, *, asked: bool) -> None:
        try:
            loaded = await asyncio.to_thread(self._load)
        except SettingsError as error:
            self._complain(str(error), asked=asked)
            return
        except Exception:
            logger.exception("the settings could not be read again; those in force stay")
            return
        if self._complaint:
            self._complaint = ""
            logger.info("the settings file is good again")
        changed = self._target.replace(loaded.settings)
        if changed or asked:
            logger.info("settings read again", extra={"changed": changed})
        self._tell_waiting(loaded)

    def _complain(self, text: str, *, asked: bool) -> None:
        if asked or text != self._complaint:
            logger.error("settings refused; those in force stay", extra={"error": text})
        self._complaint = text

    def _tell_waiting(self, loaded: LoadedSettings) -> None:
        """One warning for all keys of the file that are different from what the node was started with, and not live."""
        old, new = self._started.written, loaded.written
        keys = [".".join(key) for key in known_keys(Settings) if not is_live(key)]
        waiting = [key for key in keys if old.get(key) != new.get(key) and not _is_overruled(loaded.origins[key])]
        if waiting and waiting != self._waiting:
            logger.warning("these settings take effect at the next start", extra={"keys": waiting})
        self._waiting = waiting


def _is_overruled(origin: str) -> bool:
    """Whether what the file says counts for nothing, at the next start as little as now."""
    return origin == "option" or origin.startswith("environment ")


def _at(settings: Any, key: tuple[str, ...]) -> Any:
    for name in key:
        settings = getattr(settings, name)
    return settings


def _plain(value: Any) -> Any:
    """For the log: of a table of tables what it says, without what is left as it is."""
    if isinstance(value, Mapping):
        return {name: _plain(below) for name, below in value.items()}
    return value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, BaseModel) else value
