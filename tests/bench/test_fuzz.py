"""A short fuzz run of what reads calls, and proof that it finds what it looks for."""

import random
from typing import Any

import pytest

from bench.fuzz import Fuzz, consume
from bench.fuzz_inputs import BODIES, chunks_of
from node.handlers.call import envelope
from node.handlers.call.frames import FrameReader, encode_frame
from tests.support.benches import figures_of, linux_only, run_bench


@linux_only
def test_a_short_run_finds_nothing() -> None:
    done = run_bench("fuzz", "--inputs", "20000")
    result = figures_of(done)
    assert result["failures"] == [], f"{result['seed']}: {done.stderr}"
    assert done.returncode == 0
    assert result["inputs"] == 20_000
    assert result["outcomes"].keys() == {"read", "FrameError", "EnvelopeError"}
    assert min(result["outcomes"].values()) > 500


def test_a_seed_gives_the_same_input_again() -> None:
    assert chunks_of(random.Random(7)) == chunks_of(random.Random(7))
    assert len({b"".join(chunks_of(random.Random(seed))) for seed in range(100)}) > 80


async def test_every_frame_that_mutations_start_from_is_valid() -> None:
    for body in BODIES:
        await consume([encode_frame(body)])


@linux_only
async def test_an_undocumented_error_is_a_failure_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: bytes) -> Any:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "not caught")

    monkeypatch.setattr(envelope, "decode", broken)
    fuzz = Fuzz()
    await fuzz.run(100, 100)
    assert len(fuzz.failures) == 20
    again = Fuzz()
    await again.run(fuzz.failures[5]["seed"], 1)
    assert again.failures == [fuzz.failures[5]]


@linux_only
async def test_bytes_that_are_charged_and_never_came_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def greedy(self: FrameReader, charge: Any) -> bytes:
        charge.add(2**20)
        return BODIES[0]

    monkeypatch.setattr(FrameReader, "read", greedy)
    fuzz = Fuzz()
    await fuzz.run(1, 2)
    assert [failure["error"].startswith("AssertionError") for failure in fuzz.failures] == [True, True]


@linux_only
def test_memory_that_grows_is_a_failure() -> None:
    done = run_bench("fuzz", "--inputs", "2", "--growth-mib", "-1")
    assert done.returncode == 1
    assert "memory grew" in done.stdout
