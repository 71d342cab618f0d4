"""The digest by which two builds of the engine are compared: repeatable, and sharp enough to see a difference."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import hostile

ROOT = Path(__file__).parents[4]


def digest_in_a_process(connections):
    """The process's random numbers are replaced, so it is another one."""
    argv = [sys.executable, "-m", "tests.support.hostile", "stock", str(connections)]
    return json.loads(subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_it_is_the_same_in_every_run():
    first = digest_in_a_process(20)
    assert digest_in_a_process(20) == first
    assert {name: made["raised"] for name, made in first.items()} == {"ours": 0, "stock": 0}


@pytest.mark.parametrize("pairs", [hostile.our_pairs, hostile.stock_pairs])
def test_it_reaches_far_into_the_engine(pairs):
    """Attacks that all end at the first check would compare nothing."""
    witness = hostile.Witness()
    hostile.attack(pairs(), 60, witness)
    ends = {tuple(line[1:5]) for line in witness.lines if line[0] == "ConnectionTerminated"}
    kinds = {line[0] for line in witness.lines if isinstance(line[0], str)}
    assert len(ends) > 15
    assert {"StreamDataReceived", "StreamReset", "HandshakeCompleted", "ConnectionTerminated"} <= kinds


def test_an_engine_that_raises_is_seen(monkeypatch):
    """A build that lets an exception out where stock drops a packet is what the digest is there to find."""

    class Raising:
        def receive_datagram(self, *_):
            raise TypeError("an int is required")

    witness = hostile.Witness()
    witness.feed(Raising(), b"x", 1.0)
    assert (witness.raised, witness.lines) == (1, ["TypeError: an int is required"])
