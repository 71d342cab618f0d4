"""Keeps one child alive: starts it, waits until it serves, and starts it again when it ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from node.cli.supervisor.backoff import Backoff
from node.cli.supervisor.child import Child, ChildSpec
from node.core.address import AddressFormatError, format_host_port, parse_host_port
from node.core.identity import Address

FIRST_STARTS = 4
"""Tries that a child has to serve for the first time; what fails so often will not heal by itself."""
START_TIMEOUT = 60.0
"""Seconds from start to serving; the first start of the web process migrates the database."""

logger = logging.getLogger(__name__)


class ChildFailed(Exception):
    """A child never came to serve."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the {name} process does not start; see its message above")
        self.name = name


@dataclass(frozen=True, slots=True)
class Serving:
    """A child that serves: its process id, where it listens, and what else its last ready line told."""

    pid: int
    address: Address
    facts: Mapping[str, Any]


class Keeper:
    """Runs `spec` again and again until cancelled. `serving` is None whenever the child does not serve.

    `listen_variable` names the environment variable of its listening address (`listen`): once a port was chosen for
    port 0, later starts ask for the same one. `check` is awaited before the child counts as serving.
    """

    def __init__(
        self,
        spec: ChildSpec,
        *,
        listen: Address,
        listen_variable: str,
        changed: asyncio.Event,
        check: Callable[[Address], Awaitable[None]] | None = None,
    ) -> None:
        self.serving: Serving | None = None
        self._spec = spec
        self._listen = listen
        self._listen_variable = listen_variable
        self._changed = changed
        self._check = check
        self._child: Child | None = None
        self._served = False

    async def run(self) -> None:
        """Never returns. Raises ChildFailed when the child failed to serve FIRST_STARTS times and never did."""
        backoff, starts = Backoff(), 0
        while True:
            starts += 1
            began = time.monotonic()
            await self._run_once()
            if not self._served and starts >= FIRST_STARTS:
                raise ChildFailed(self._spec.name)
            await asyncio.sleep(backoff.delay(time.monotonic() - began))

    async def stop(self, grace: float) -> None:
        """End the child, by force after `grace` seconds. The task of `run` is already cancelled."""
        if self._child is not None:
            await self._child.stop(grace)

    async def _run_once(self) -> None:
        try:
            child = self._child = await Child.start(self._spec)
        except OSError as error:
            # No process or descriptor to spare, or the program is being replaced: a start that failed like any other.
            logger.error("a child cannot be started", extra={"child": self._spec.name, "error": str(error)})
            return
        try:
            async with asyncio.timeout(START_TIMEOUT):
                self._set_serving(await self._until_serving(child))
            await self._follow(child)
        except TimeoutError:
            logger.error("a child does not come to serve", extra={"child": self._spec.name})
            await child.stop(0)
        except ValueError as error:
            logger.error("a child reports nonsense", extra={"child": self._spec.name, "error": str(error)})
            await child.stop(0)
        status = await child.wait()
        await child.stop(0)
        self._set_serving(None)
        logger.warning("a child ended", extra={"child": self._spec.name, "pid": child.pid, "status": status})

    async def _until_serving(self, child: Child) -> Serving | None:
        facts = await child.ready()
        if facts is None:
            return None
        address = _address(facts)
        self._keep_port(address)
        if self._check is not None and not await self._passes(child, self._check(address)):
            return None
        return Serving(child.pid, address, facts)

    async def _follow(self, child: Child) -> None:
        """Take over what the child tells later, until it ends. Raises ValueError on nonsense."""
        while self.serving is not None and (facts := await child.ready()) is not None:
            address = _address(facts)
            self._keep_port(address)
            self._set_serving(Serving(child.pid, address, facts))

    async def _passes(self, child: Child, check: Awaitable[None]) -> bool:
        """Wait for the check, but not beyond the child's life."""
        checking, ended = asyncio.ensure_future(check), asyncio.ensure_future(child.wait())
        try:
            await asyncio.wait((checking, ended), return_when=asyncio.FIRST_COMPLETED)
            return not ended.done()
        finally:
            checking.cancel()
            ended.cancel()

    def _keep_port(self, address: Address) -> None:
        kept = format_host_port((self._listen[0], address[1]))
        self._spec = replace(self._spec, environment={**self._spec.environment, self._listen_variable: kept})

    def _set_serving(self, serving: Serving | None) -> None:
        before, self.serving = self.serving, serving
        if serving is not None and (before is None or before.pid != serving.pid):
            self._served = True
            logger.info("a child serves", extra={"child": self._spec.name, "pid": serving.pid})
        self._changed.set()


def _address(facts: Mapping[str, Any]) -> Address:
    text = facts.get("address")
    if not isinstance(text, str):
        raise AddressFormatError("the ready line has no address")
    return parse_host_port(text)
