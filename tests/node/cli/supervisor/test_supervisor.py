"""The supervisor with real processes: fake children that serve, hang, fail and die."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.appliance import environment
from tests.support.waiting import until


class Run:
    """One supervisor under test, of an interpreter that has imported everything, unless `command` names another.

    Its children are processes as they seem.
    """

    def __init__(
        self, data: Path, grace: float = 4, stdout: int = subprocess.PIPE, command: tuple[str, ...] | None = None
    ) -> None:
        self.data = data
        python = command or (warm.python(),)
        command = (*python, "-m", "tests.support.supervise", str(data), str(grace), sys.executable)
        self.process = subprocess.Popen(command, env=environment(), stdout=stdout, stderr=subprocess.PIPE, text=True)

    def ready(self) -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads((self.data / "run" / "ready.json").read_text())
        except FileNotFoundError:
            return None
        return facts

    def until_ready(self) -> dict[str, Any]:
        return until(self.ready, "ready.json")  # type: ignore[return-value]  # until gives the first true one

    def pids(self, kind: str) -> list[int]:
        with suppress(FileNotFoundError):
            return [int(line) for line in (self.data / f"{kind}.pids").read_text().split()]
        return []

    def ask(self, fault: str) -> None:
        (self.data / fault).touch()

    def withdraw(self, fault: str) -> None:
        (self.data / fault).unlink()

    def children_gone(self) -> bool:
        return not any(_alive(pid) for kind in ("web", "node") for pid in self.pids(kind))

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start supervisors over one data directory; whatever is left of them ends with the test."""
    runs: list[Run] = []

    def begin(**options: Any) -> Run:
        runs.append(Run(tmp_path, **options))
        return runs[-1]

    yield begin
    for run in runs:
        warm.kill(run.process)
        run.process.communicate()
        for pid in run.pids("web") + run.pids("node"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_ready_names_both_processes_and_a_reachable_node(start: Callable[..., Run]) -> None:
    run = start()
    facts = run.until_ready()
    assert facts["panel_url"].startswith("http://127.0.0.1:")
    assert facts["node_address"].startswith("127.0.0.1:")
    assert facts["node_fingerprint"] == "ed25519:node"
    assert facts["setup_url"] is None
    assert [facts["web_pid"]] == run.pids("web")
    assert [facts["node_pid"]] == run.pids("node")
    assert stat.S_IMODE((run.data / "run" / "ready.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["web", "node"])
def test_ready_is_absent_until_both_really_serve(start: Callable[..., Run], tmp_path: Path, kind: str) -> None:
    (tmp_path / f"{kind}.hold").touch()
    run = start()
    until(lambda: run.pids("web") and run.pids("node"), "both children")
    assert run.ready() is None
    run.withdraw(f"{kind}.hold")
    run.until_ready()


@pytest.mark.parametrize(("dying", "other"), [("web", "node"), ("node", "web")])
def test_a_dead_child_comes_back_at_its_address_and_the_other_never_notices(
    start: Callable[..., Run], dying: str, other: str
) -> None:
    run = start()
    before = run.until_ready()
    run.ask(f"{dying}.hold")
    os.kill(before[f"{dying}_pid"], signal.SIGKILL)
    until(lambda: len(run.pids(dying)) == 2, "a second start")
    assert run.ready() is None
    run.withdraw(f"{dying}.hold")
    after = run.until_ready()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{dying}_pid"}
    assert len(run.pids(other)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_with_status_0(start: Callable[..., Run], number: signal.Signals) -> None:
    run = start()
    run.until_ready()
    status, out, _ = run.end(number)
    assert status == 0
    assert "Alknet is up." in out
    assert run.children_gone()
    assert run.ready() is None


def test_a_start_that_cannot_be_announced_is_a_start(start: Callable[..., Run]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    run = start(stdout=writer)
    os.close(writer)
    run.until_ready()
    status, _, err = run.end()
    assert status == 0
    assert "the start cannot be announced" in err
    assert len(run.pids("web")) == len(run.pids("node")) == 1


def test_a_closed_terminal_is_nothing_to_what_runs_under_nohup(start: Callable[..., Run]) -> None:
    run = start(command=("nohup", sys.executable))
    facts = run.until_ready()
    run.process.send_signal(signal.SIGHUP)
    os.kill(facts["node_pid"], signal.SIGKILL)
    until(lambda: len(run.pids("node")) > 1, "a new start by who heard of no signal")
    assert run.until_ready()["web_pid"] == facts["web_pid"]
    assert run.end()[0] == 0


def test_ctrl_c_twice_is_as_good_as_once(start: Callable[..., Run]) -> None:
    run = start()
    run.until_ready()
    run.process.send_signal(signal.SIGINT)
    status, _, err = run.end(signal.SIGINT)
    assert status == 0
    assert "Traceback" not in err
    assert run.children_gone()


def test_a_signal_before_anything_serves_ends_it_too(start: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "node.hold").touch()
    run = start()
    until(lambda: run.pids("web") and run.pids("node"), "both children")
    assert run.end()[0] == 0
    assert run.children_gone()


def test_a_child_that_ignores_sigterm_is_killed(start: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "web.stubborn").touch()
    run = start(grace=0.2)
    run.until_ready()
    assert run.end()[0] == 0
    assert run.children_gone()


def test_children_end_with_a_killed_supervisor(start: Callable[..., Run]) -> None:
    run = start()
    run.until_ready()
    warm.kill(run.process)
    until(run.children_gone, "the end of both children")


@pytest.mark.parametrize("kind", ["web", "node"])
def test_a_child_that_never_serves_ends_it_with_status_1(start: Callable[..., Run], tmp_path: Path, kind: str) -> None:
    (tmp_path / f"{kind}.fail").touch()
    run = start()
    _, err = run.process.communicate(timeout=30)
    assert run.process.returncode == 1
    assert f"{kind} has a reason to fail" in err
    assert f"the {kind} process does not start" in err
    assert run.children_gone()
    assert run.ready() is None


def test_a_child_that_served_once_is_retried_for_as_long_as_it_takes(start: Callable[..., Run]) -> None:
    run = start()
    first = run.until_ready()
    run.ask("node.fail")
    os.kill(first["node_pid"], signal.SIGKILL)
    until(lambda: len(run.pids("node")) > 4, "more tries than a first start has")
    run.withdraw("node.fail")
    assert run.until_ready()["web_pid"] == first["web_pid"]


def test_a_node_that_waits_for_its_vault_is_up_and_announced_again_once_it_serves(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "node.locked").touch()
    run = start()
    facts = run.until_ready()
    assert (facts["node_serving"], facts["vault"], facts["node_fingerprint"]) == (False, "locked", "ed25519:node")
    assert facts["node_address"] == "127.0.0.1:0"
    run.withdraw("node.locked")
    until(lambda: (run.ready() or facts)["node_serving"], "a node that serves")
    served = run.until_ready()
    assert (served["vault"], served["node_pid"]) == ("unlocked", facts["node_pid"])
    assert served["node_address"] != facts["node_address"]
    os.kill(served["node_pid"], signal.SIGKILL)
    again = until(lambda: (found := run.ready()) and found["node_pid"] != served["node_pid"] and found, "another node")
    assert again["node_address"] == served["node_address"]  # type: ignore[index]  # until gives the first true one
    status, out, _ = run.end()
    assert status == 0
    assert out.count("Alknet is up, and its node is locked.") == out.count("Alknet is up.\n") == 1
    assert out.count("locked: alknet vault unlock") == 1


def test_the_setup_link_is_shown_and_dies_with_its_token(start: Callable[..., Run], tmp_path: Path) -> None:
    token = tmp_path / "secrets" / "setup_token"
    token.parent.mkdir()
    token.write_text("one-time\n")
    run = start()
    facts = run.until_ready()
    assert facts["setup_url"] == f"{facts['panel_url']}/setup/one-time/"
    token.unlink()
    until(lambda: (run.ready() or facts)["setup_url"] is None, "a ready.json without the link")
    _, out, err = run.end()
    assert facts["setup_url"] in out
    assert "one-time" not in err


def test_neither_a_spoilt_token_nor_a_lost_directory_ends_it(start: Callable[..., Run], tmp_path: Path) -> None:
    token = tmp_path / "secrets" / "setup_token"
    token.parent.mkdir()
    token.write_bytes(b"\xff\xfe")
    run = start()
    assert run.until_ready()["setup_url"] is None
    token.unlink()
    token.mkdir()
    ready_file = tmp_path / "run" / "ready.json"
    ready_file.unlink()
    ready_file.mkdir()
    status, _, err = run.end()
    assert status == 0
    assert "the ready file cannot be written" in err
    assert run.children_gone()


def test_a_second_supervisor_is_refused_and_names_the_first(start: Callable[..., Run]) -> None:
    first = start(command=(sys.executable,))
    facts = first.until_ready()
    second = start()
    _, err = second.process.communicate(timeout=30)
    assert second.process.returncode == 1
    assert f"process {first.process.pid}" in err
    assert first.ready() == facts


def test_the_lock_is_free_again_after_a_kill(start: Callable[..., Run]) -> None:
    first = start()
    first.until_ready()
    warm.kill(first.process)
    first.process.wait()
    until(first.children_gone, "the end of both children")
    started = len(first.pids("web"))
    second = start()
    until(lambda: len(first.pids("web")) > started and second.ready(), "a new start")
