"""Enrols a machine again and again, and kills the node, or what takes its claims, at the n-th step, for each n.

Run as `python -m tests.support.killed_enrolling VICTIM PORT CODE [EVERY]` on a data directory that holds an invitation
which admits at once. A step of the node is a message of its protocol, a statement on the inbox, a commit or a sync; one
of the web process is a statement of its database. For each n, with node, taker and machine in forks of this process:
one dies, is started again, and the machine asks anew with the same key and code; then another machine comes with the
code. One line of JSON each: {"step", "killed", "between", "after", "first", "second"}, where `between` and `after` are
what the database holds: [peers, uses left, claims, enrolments in the audit log]. The last line is that of a run without
a kill. EVERY leaves steps out.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from typing import Any, NoReturn

import django

# Before any fork: none of them imports a thing.
django.setup()

from django.conf import settings  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402

from apps.enrolment import follower  # noqa: E402
from node.client import join  # noqa: E402
from node.core.enrolment.code import parse_code  # noqa: E402
from node.handlers.register import handler  # noqa: E402
from node.inbox import writer  # noqa: E402
from node.quic.tls.keys import NodeKey  # noqa: E402

NEVER = 1_000_000
PATIENCE = 60.0
node_command = import_module("node.cli.node")
import_module("node.assembly.process")


class Reaper:
    """Ends the process at the chosen step."""

    def __init__(self, step: int) -> None:
        self._left = step

    def strike(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Struck:
    """Anything whose calls of these names are steps, one before and one after."""

    def __init__(self, real: Any, reaper: Reaper, names: tuple[str, ...]) -> None:
        self._real, self._reaper, self._names = real, reaper, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return struck(found, self._reaper) if name in self._names else found

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._real.transaction() as tx:
            yield Struck(tx, self._reaper, ("query", "execute"))
            self._reaper.strike()
        self._reaper.strike()


def struck(work: Callable[..., Any], reaper: Reaper) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        reaper.strike()
        done = work(*arguments, **named)
        reaper.strike()
        return done

    return call


def struck_async(work: Callable[..., Any], reaper: Reaper) -> Callable[..., Any]:
    async def call(*arguments: Any) -> Any:
        reaper.strike()
        done = await work(*arguments)
        reaper.strike()
        return done

    return call


def serve(port: str, step: int) -> None:
    """`alknet node` itself."""
    reaper, opened = Reaper(step), writer.opened

    @contextlib.contextmanager
    def watched(*arguments: Any, **named: Any) -> Iterator[Any]:
        with opened(*arguments, **named) as database:
            yield Struck(database, reaper, ("query",))

    writer.opened = watched
    writer._sync = struck(writer._sync, reaper)
    handler.send, handler.receive = struck_async(handler.send, reaper), struck_async(handler.receive, reaper)
    node_command.app(args=["--listen", f"127.0.0.1:{port}"])


def take(_port: str, step: int) -> None:
    """The task of the web process that takes claims."""
    reaper = Reaper(step)
    follower.RECHECK = 0.02
    connection_created.connect(
        lambda connection, **_: connection.connection.set_trace_callback(reaper.strike), weak=False
    )
    asyncio.run(follower.InboxFollower(settings.PATHS.journal).run())


def enrol(code: str, key: NodeKey, told: int) -> None:
    """`alknet join`, and what became of it, written to `told`."""
    join.RETRY_FIRST = join.RETRY_MAX = 0.05
    join.DIAL_SECONDS = 2.0
    joined = asyncio.run(join.Joiner(parse_code(code), key, "laptop").join(PATIENCE))
    os.write(told, joined.told.word.encode())


def fork(work: Callable[..., None], *arguments: Any) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        work(*arguments)
        status = 0
    except SystemExit:
        pass
    except BaseException:  # noqa: BLE001 - told, and the end of the fork
        traceback.print_exc()
    finally:
        os._exit(status)


def end(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


class Machine:
    """A machine with a key, which enrols in a fork."""

    def __init__(self, code: str, key: NodeKey) -> None:
        self._heard, told = os.pipe()
        self.child = fork(enrol, code, key, told)
        os.close(told)

    def outcome(self, others: dict[str, int]) -> str:
        """Its outcome, or which of the others has died before."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if os.waitpid(self.child, os.WNOHANG)[0]:
                return os.read(self._heard, 100).decode()
            for name, child in others.items():
                if os.waitpid(child, os.WNOHANG)[0]:
                    end(self.child)
                    return name
            time.sleep(0.002)
        raise AssertionError("no outcome in time")


class Run:
    """One enrolment in which the victim dies at a step, if it gets there; it is started again, and dies no more."""

    def __init__(self, victim: str, step: int, port: str) -> None:
        self._victim, self._port = victim, port
        self.between: list[int] | None = None
        works = {"node": serve, "web": take}
        self._work = works[victim]
        self.running = {name: fork(work, port, step if name == victim else NEVER) for name, work in works.items()}

    def enrol(self, code: str) -> str:
        """What becomes of a new machine with this code."""
        key = NodeKey.generate()
        told = Machine(code, key).outcome(self.running)
        if told == self._victim:
            self.between = held()
            self.running[told] = fork(self._work, self._port, NEVER)
            told = Machine(code, key).outcome(self.running)
        return told

    def end(self) -> None:
        for child in self.running.values():
            end(child)


def once(victim: str, step: int, port: str, code: str) -> dict[str, Any]:
    fresh()
    run = Run(victim, step, port)
    try:
        words = {"first": run.enrol(code), "second": run.enrol(code)}
    finally:
        run.end()
    return {"step": step, "killed": run.between is not None, "between": run.between, "after": held(), **words}


def fresh() -> None:
    """The invitation as it was before anybody came, and no journal."""
    for path in (*settings.PATHS.data.glob("alknet.db*"), *settings.PATHS.data.glob("node.db*")):
        path.unlink()
    shutil.copy(settings.PATHS.data / "before.db", settings.PATHS.database)


def held() -> list[int]:
    """Asked by another way than the taker's own, so that it is no step of that."""
    enrolled = "SELECT count(*) FROM audit_auditentry WHERE action = 'peer.enrolled'"
    asked = (
        "SELECT count(*) FROM peers",
        "SELECT sum(uses_left) FROM invites",
        "SELECT count(*) FROM claims",
        enrolled,
    )
    with closing(sqlite3.connect(settings.PATHS.database)) as file:
        return [int(file.execute(sql).fetchone()[0]) for sql in asked]


def main(victim: str, port: str, code: str, every: int) -> NoReturn:
    step, killed = 1, True
    while killed:
        told = once(victim, step, port, code)
        killed = told["killed"]
        print(json.dumps(told), flush=True)
        step += every
    sys.exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]) if len(sys.argv) > 4 else 1)
