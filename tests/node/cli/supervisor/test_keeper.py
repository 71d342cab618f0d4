"""One keeper over a real child whose program comes and goes."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import pytest

from node.cli.supervisor.child import ChildSpec
from node.cli.supervisor.keeper import FIRST_STARTS, ChildFailed, Keeper
from tests.support.eventually import eventually


def keeper(program: Path, data: Path) -> Keeper:
    environment = {"ALKNET_DATA": str(data), "ALKNET_NODE__LISTEN": "127.0.0.1:0"}
    return Keeper(
        ChildSpec("node", (str(program),), environment),
        listen=("127.0.0.1", 0),
        listen_variable="ALKNET_NODE__LISTEN",
        changed=asyncio.Event(),
    )


def failed_starts(caplog: pytest.LogCaptureFixture) -> int:
    return [record.message for record in caplog.records].count("a child cannot be started")


async def test_a_program_that_is_not_there_is_a_child_that_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ChildFailed):
        await keeper(tmp_path / "missing", tmp_path).run()
    assert failed_starts(caplog) == FIRST_STARTS


async def test_a_child_that_served_is_retried_while_its_program_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[4]))
    caplog.set_level(logging.ERROR)
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.support.fake_child node "$@"\n')
    program.chmod(0o755)
    kept = keeper(program, tmp_path)
    running = asyncio.create_task(kept.run())
    await eventually(lambda: kept.serving)
    assert kept.serving is not None
    first = kept.serving.pid
    program.rename(tmp_path / "aside")
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: failed_starts(caplog) >= 2)
    (tmp_path / "aside").rename(program)
    await eventually(lambda: kept.serving)
    assert kept.serving.pid != first
    running.cancel()
    await asyncio.wait([running])
    await kept.stop(5)
